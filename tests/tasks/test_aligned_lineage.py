"""A subject's chain: picture -> decisions -> mesh -> pose -> shard -> runs, for kept and dropped ones."""

import json
from pathlib import Path

import pytest

from data_specs.aligned_subject import PREVIEWS
from data_specs.decision import Decision
from data_specs.ids import canonical_json
from data_specs.manifest import Manifest
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from data_specs.subject import SubjectLine
from tasks.artefacts import Workspace
from tasks.ledger import Ledger
from tasks.lineage import lineage
from tests.tasks.fabricated import make_data, make_run
from tests.tasks.fabricated_alignment import subject

KEPT, DROPPED, UNREAD = "cup-1", "cup-2", "cup-3"
SHA256 = "ab" * 32


def line(subject_id: str) -> SubjectLine:
    said = {"item": "cup", "caption": "A cup on a table.", "licence": "CC-BY-4.0", "author": "Eve"}
    return SubjectLine(subject_id=subject_id, object_id="ball_a", source="composed", location=f"{subject_id}.png", sha256=SHA256, **said)


def decisions(subject_id: str) -> list[Decision]:
    kept = subject_id == KEPT
    good = Decision(item_id=subject_id, stage="align", verdict="kept", rule="box_score", score=0.91, threshold=0.3)
    last = Decision(
        item_id=subject_id, stage="align", verdict="kept" if kept else "dropped", rule="silhouette_iou", score=0.9 if kept else 0.4, threshold=0.8
    )
    return [good, last]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two pictures that were aligned, one that could not be read, and a run that was trained on the kept one."""
    made = make_data(tmp_path_factory.mktemp("aligned"))
    folder = made.folder("align")
    inputs = [canonical_json(line(key).model_dump(mode="json")) for key in (KEPT, DROPPED, UNREAD)]
    plan = ShardPlan(word="align", split="train", index=0, inputs=inputs, params={"seed": 5, "models": {"detector": "12ab"}}, version=3)
    record = json.loads(subject("ball_a")["subject.json"]) | {"mesh_origin": "ball_b", "mesh_key": ""}
    damaged = Decision(item_id=UNREAD, stage="align", verdict="dropped", rule="damaged", message="cup-3.png ends too early")
    own, previews = Ledger(folder, "align"), Ledger(folder / PREVIEWS, "align")
    said = {KEPT: decisions(KEPT), DROPPED: decisions(DROPPED), UNREAD: [damaged]}
    beside = [
        Sample(key, {"line.json": text.encode(), "decisions.json": canonical_json([one.model_dump() for one in said[key]]).encode()})
        for key, text in zip(said, inputs)
    ]
    previews.write(plan, beside, [])
    own.write(plan, [Sample(KEPT, {"subject.json": json.dumps(record).encode()})], [decisions(DROPPED)[1], damaged], list(said))
    for ledger in (previews, own):
        manifest: Manifest = ledger.publish([plan], size="tiny", version=3, params=plan.params, inputs={}, entered=3)
    run = make_run(made, "refany3d") / "run.json"
    run.write_text(json.dumps(json.loads(run.read_text()) | {"data": {"align": manifest.digest()}}))
    return made


def test_a_kept_subject_leads_from_its_picture_to_its_shard(workspace: Workspace) -> None:
    text = lineage(workspace, KEPT)
    assert text[0] == f"subject {KEPT}: kept"
    heads = [row[3:] for row in text if row[:3] in ("├─ ", "└─ ")]
    assert [head.split()[0] for head in heads] == ["picture:", "decisions:", "mesh:", "pose:", "align"]
    whole = "\n".join(text)
    assert f"composed {KEPT}.png, sha256 {SHA256}, licence CC-BY-4.0, by Eve" in whole and "named 'cup', 'A cup on a table.'" in whole
    assert "made of asset ball_a: folder ball_a.glb, licence CC0-1.0" in whole and "asset ball_b: folder ball_b.glb" in whole
    assert "box_score 0.91 (asked 0.3): kept" in whole and "silhouette_iou 0.9 (asked 0.8): kept" in whole
    assert "align train shard shards/align-train-000000-" in heads[-1] and "'detector': '12ab'" in whole
    assert "run refany3d (refany3d-0123456789abcdef) was trained on it" in whole


def test_a_dropped_one_says_why(workspace: Workspace) -> None:
    text = lineage(workspace, DROPPED)
    assert text[0] == f"subject {DROPPED}: dropped by silhouette_iou"
    whole = "\n".join(text)
    assert "silhouette_iou 0.4 (asked 0.8): dropped" in whole and "box_score" in whole and "mesh:" not in whole and "was trained on it" not in whole
    unread = lineage(workspace, UNREAD)
    assert unread[0] == f"subject {UNREAD}: dropped by damaged" and any("damaged: dropped, cup-3.png ends too early" in row for row in unread)


def test_an_unknown_id_says_what_there_is(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no run, picture, asset or aligned subject of size tiny: .*; aligned subjects are cup-1; pictures"):
        lineage(workspace, "cup")
    with pytest.raises(ValueError, match="aligned subjects are not there yet"):
        lineage(Workspace(tmp_path, "tiny"), KEPT)
