"""The whole of `align --tune` on two objects of each split, cut short; what it writes, and that a second run scores nothing again."""

import json
from pathlib import Path

import pytest

import tasks.align.tuning as tuning
from data_specs.params import Params, load_params
from tasks.align.fault_scoring import score_object
from tasks.align.tuning_scenes import TuningObject, tuning_objects
from tasks.artefacts import Workspace


def test_splits_share_no_object() -> None:
    params = load_params("tiny").align.tuning
    objects = {split: tuning_objects(split, params) for split in ("tuning", "test")}
    for field in ("object_id", "category"):
        assert not {getattr(one, field) for one in objects["tuning"]} & {getattr(one, field) for one in objects["test"]}


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no manifest.json"):
        tuning_objects("test", load_params("tiny", [f"align.tuning.meshes={tmp_path}", "align.tuning.seeds=1"]).align.tuning)


@pytest.mark.slow
def test_two_objects_a_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params: Params = load_params("micro", ["align.tuning.seeds=1", "align.tuning.depth_share=1.0"])
    workspace = Workspace.open("micro", tmp_path)
    monkeypatch.setattr(tuning, "tuning_objects", lambda split, ours: tuning_objects(split, ours)[:2])
    path = tuning.tune(workspace, params)
    record = json.loads(path.read_bytes())
    faults = {one["fault"] for one in record["candidates"]["test"]}
    assert {"", "no_object", "wrong_mesh", "wrong_texture", "wrong_pose"} <= faults
    assert set(record["thresholds"]) <= set(type(params.align.filters).model_fields)
    assert record["splits"]["tuning"]["precision"]["share"] == 1.0
    words = tuning.describe(path)
    assert "precision" in words and "micro_distance:" in words

    def nothing_is_scored(one: TuningObject, others: list[TuningObject], tools: object) -> None:
        raise AssertionError(one.object_id)

    monkeypatch.setattr(tuning, "score_object", nothing_is_scored)
    before = path.read_bytes()
    assert tuning.tune(workspace, params).read_bytes() == before
    assert tuning.score_object is not score_object
