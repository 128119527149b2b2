"""A file of verdicts is read whole or refused with the entry that is wrong, and a person's word beats scores alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from data_specs.decision import Decision
from data_specs.ids import content_id
from tasks.align.verdicts import HumanVerdict, human_decision, overrule, read_verdicts, verdicts_of

KEEP, DROP = HumanVerdict(verdict="keep", note="it is right"), HumanVerdict(verdict="drop")


def written(folder: Path, content: Any) -> str:
    path = folder / "verdicts.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def decision(rule: str, verdict: str, score: float | None = 0.2) -> Decision:
    return Decision(item_id="cup-0", stage="align", verdict=verdict, rule=rule, score=score, threshold=None if score is None else 0.5)


def test_every_entry_is_read(tmp_path: Path) -> None:
    entries = {"cup-0": {"verdict": "keep", "note": "it is right"}, "cup-1": {"verdict": "drop"}}
    assert read_verdicts(written(tmp_path, {"version": 1, "verdicts": entries})) == {"cup-0": KEEP, "cup-1": DROP}
    assert read_verdicts(written(tmp_path, {"version": 1, "verdicts": {}})) == {}


def test_no_file_means_no_verdicts() -> None:
    assert read_verdicts("") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ([], "no file of verdicts"),
        ({"verdicts": {}}, "no file of verdicts"),
        ({"version": 1, "verdicts": []}, "no file of verdicts"),
        ({"version": 2, "verdicts": {}}, "version 2.*version 1 is what can be read"),
        ({"version": 1, "verdicts": {"cup-0": {"verdict": "maybe"}}}, "entry 'cup-0': verdict: .*'keep' or 'drop'.*save it again"),
        ({"version": 1, "verdicts": {"cup-0": {}}}, "entry 'cup-0': verdict: .*required"),
        ({"version": 1, "verdicts": {"cup-0": "drop"}}, "entry 'cup-0': it: "),
        ({"version": 1, "verdicts": {"cup-0": {"verdict": "drop", "by": "me"}}}, "entry 'cup-0': by: "),
        ({"version": 1, "verdicts": {"../cup": {"verdict": "drop"}}}, r"entry '\.\./cup': .*remove it"),
        ('{"version": 1, "verdicts": {"a": {"verdict": "drop"}, "a": {"verdict": "keep"}}}', "entry 'a' twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        read_verdicts(written(tmp_path, content))
    assert "verdicts.json" in str(error.value)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"align\.verdicts=.*gone\.json is not there"):
        read_verdicts(str(tmp_path / "gone.json"))
    (tmp_path / "verdicts.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"verdicts\.json is not JSON"):
        read_verdicts(str(tmp_path / "verdicts.json"))
    with pytest.raises(ValueError, match="cannot be read"):
        read_verdicts(str(tmp_path))


def test_a_shard_is_defined_by_what_was_said_of_its_own_pictures() -> None:
    """Another picture's verdict leaves the id alone; a changed note does not, because it is stored."""
    before = content_id(verdicts_of({"cup-0": DROP}, ["cup-0", "cup-1"]))
    assert content_id(verdicts_of({"cup-0": DROP, "dog-0": KEEP}, ["cup-1", "cup-0"])) == before
    assert content_id(verdicts_of({"cup-0": KEEP}, ["cup-0", "cup-1"])) != before
    assert content_id(verdicts_of({"cup-0": HumanVerdict(verdict="drop", note="blurred")}, ["cup-0", "cup-1"])) != before
    assert verdicts_of({"dog-0": KEEP}, ["cup-0"]) == {}


def test_a_keep_beats_scores_and_nothing_else() -> None:
    bad, good, missing = decision("silhouette_iou", "dropped"), decision("box_score", "kept", 0.9), decision("no_name", "dropped", None)
    overruled = overrule([bad, good, missing], KEEP)
    assert overruled == [bad.model_copy(update={"verdict": "kept", "message": "kept by a human: it is right"}), good, missing]
    assert (overruled[0].score, overruled[0].threshold) == (0.2, 0.5), "the score stays as it was measured"
    assert human_decision("cup-0", "align", KEEP).verdict == "kept"


def test_a_drop_leaves_scores_alone_and_drops() -> None:
    decisions = [decision("silhouette_iou", "kept", 0.9)]
    assert overrule(decisions, DROP) == decisions == overrule(decisions, None)
    last = human_decision("cup-0", "align", DROP)
    assert (last.item_id, last.verdict, last.rule, last.message) == ("cup-0", "dropped", "human", "dropped by a human")
