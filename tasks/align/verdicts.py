"""What people said of single pictures: read from a file, and what it does to the rules' decisions.

    {"version": 1, "verdicts": {"<subject_id>": {"verdict": "keep" | "drop", "note": "..."}}}

The QA page of the stage writes such a file, and any editor can.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from data_specs.decision import Decision
from data_specs.ids import SAFE_ID
from data_specs.strict import Strict

VERSION = 1
RULE = "human"
NAMED = 3
"""Of unknown pictures, at most so many by name."""

ADVICE = "save it again with the button of the page qa.html, or mend it"


class HumanVerdict(Strict):
    """What a person said of one picture."""

    verdict: Literal["keep", "drop"]
    note: str = Field("", max_length=2000)

    @property
    def words(self) -> str:
        """The verdict and its note, for messages."""
        said = {"keep": "kept by a human", "drop": "dropped by a human"}[self.verdict]
        return f"{said}: {self.note}" if self.note else said


def read_verdicts(location: str) -> dict[str, HumanVerdict]:
    """Every verdict of a file by subject id; none where `location` is empty. Raises ValueError naming the file, the entry and what to do."""
    if not location:
        return {}
    path = Path(location).expanduser().resolve()
    content = _content(path)
    if not isinstance(content, dict) or set(content) != {"version", "verdicts"} or not isinstance(content["verdicts"], dict):
        raise ValueError(f'{path} is no file of verdicts: it must be {{"version": {VERSION}, "verdicts": {{...}}}}; {ADVICE}')
    if content["version"] != VERSION:
        raise ValueError(f"{path} is of version {content['version']!r}, but version {VERSION} is what can be read; {ADVICE}")
    return {subject_id: _verdict(path, subject_id, entry) for subject_id, entry in content["verdicts"].items()}


def verdicts_of(verdicts: Mapping[str, HumanVerdict], subject_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """What was said of these pictures, as plain data: part of what defines their shard, and of no other."""
    return {subject_id: verdicts[subject_id].model_dump() for subject_id in sorted(subject_ids) if subject_id in verdicts}


def unknown_verdicts(location: str, verdicts: Mapping[str, HumanVerdict], subject_ids: Iterable[str]) -> str:
    """A sentence for people about the verdicts of a file that are of none of these pictures; "" where there are none."""
    unknown = sorted(set(verdicts).difference(subject_ids))
    if not unknown:
        return ""
    first = ", ".join(unknown[:NAMED]) + (", ..." if len(unknown) > NAMED else "")
    return f"{len(unknown)} of the {len(verdicts)} verdicts in {location} are of pictures that are not in this run and change nothing: {first}"


def overrule(decisions: list[Decision], human: HumanVerdict | None) -> list[Decision]:
    """The decisions of filters after a person's word: one that somebody keeps is dropped by none of them that has a score.

    A decision without a score says that something is missing (a name, an object, a mesh), and nobody can wish that away.
    """
    if human is None or human.verdict == "drop":
        return decisions
    return [_overruled(one, human) if one.verdict == "dropped" and one.score is not None else one for one in decisions]


def human_decision(subject_id: str, stage: str, human: HumanVerdict) -> Decision:
    """A person's verdict on a picture that the pipeline would keep: the last decision, and the one that counts."""
    return Decision(item_id=subject_id, stage=stage, verdict="kept" if human.verdict == "keep" else "dropped", rule=RULE, message=human.words)


def _overruled(decision: Decision, human: HumanVerdict) -> Decision:
    message = f"{decision.message}; {human.words}" if decision.message else human.words
    return decision.model_copy(update={"verdict": "kept", "message": message})


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"), object_pairs_hook=lambda pairs: _without_twins(path, pairs))
    except FileNotFoundError:
        raise ValueError(f"align.verdicts={path} is not there: save it with the page qa.html, or leave align.verdicts empty") from None
    except OSError as error:
        raise ValueError(f"align.verdicts={path} cannot be read: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({error}); {ADVICE}") from None


def _without_twins(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twin = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{path} has the entry {twin!r} twice: leave one of them")
    return made


def _verdict(path: Path, subject_id: str, entry: Any) -> HumanVerdict:
    if not SAFE_ID.fullmatch(subject_id):
        raise ValueError(f"{path}, entry {subject_id!r}: that is no id of a picture (lower-case letters, digits, '_' and '-'); remove it")
    try:
        return HumanVerdict.model_validate(entry)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "it"
        raise ValueError(f"{path}, entry {subject_id!r}: {place}: {problem['msg']}; {ADVICE}") from None
