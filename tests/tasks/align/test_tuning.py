"""The whole of `align --tune` on two objects of each split, cut short; what it writes, and that a second run scores nothing again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tasks.align.tuning as tuning
from data_specs.align_params import FilterTuningParams
from data_specs.params import Params, load_params
from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.geometry.mesh_ops import canonical
from models.geometry.procedural import build_object
from tasks.align.fault_scoring import score_object
from tasks.align.mesh_preparation import ReadLimits
from tasks.align.thresholds import Scored, caught_by
from tasks.align.tuning_scenes import SPLITS, TuningObject, tuning_objects
from tasks.artefacts import Workspace

LIMITS = ReadLimits.of(load_params("tiny").assets)


def tuning_params(folder: Path) -> FilterTuningParams:
    return load_params("tiny", [f"align.tuning.meshes={folder}", "align.tuning.seeds=1"]).align.tuning


def test_splits_share_no_object() -> None:
    params = load_params("tiny").align.tuning
    objects = {split: tuning_objects(split, params, LIMITS) for split in ("tuning", "test")}
    for field in ("object_id", "category"):
        assert not {getattr(one, field) for one in objects["tuning"]} & {getattr(one, field) for one in objects["test"]}


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no manifest.json"):
        tuning_objects("test", tuning_params(tmp_path), LIMITS)


def test_meshes_of_a_folder_are_read_as_a_strangers(tmp_path: Path) -> None:
    folder, (first, second) = tmp_path / "meshes", (build_object("mug", 3).detailed, build_object("teapot", 4).detailed)
    (folder / "more").mkdir(parents=True)
    for path, mesh in ((tmp_path / "outside.glb", first), (folder / "a.glb", first), (folder / "b.glb", second), (folder / "more/a.glb", second)):
        path.write_bytes(write_glb(mesh))

    def read(*files: str) -> list[TuningObject]:
        (folder / "manifest.json").write_text(json.dumps([{"file": file, "category": "cup"} for file in files]))
        return [one for split in SPLITS for one in tuning_objects(split, tuning_params(folder), LIMITS) if one.category == "cup"]

    found = read("a.glb", "b.glb")
    assert [one.object_id for one in found] == ["a", "b"]
    np.testing.assert_array_equal(found[0].mesh.faces, canonical(read_glb((folder / "a.glb").read_bytes())).mesh.faces)
    with pytest.raises(ValueError, match=r"several meshes of the name 'a'"):
        read("a.glb", "more/a.glb")
    with pytest.raises(ValueError, match=r"outside\.glb cannot be used"):
        read("../outside.glb")
    with pytest.raises(ValueError, match=r"c\.glb cannot be used"):
        read("c.glb")


def scored(category: str, number: int, right: bool, confidence: float) -> Scored:
    return Scored(f"{category}-{number}", "" if right else "wrong_mesh", right, "", {"pose_confidence": confidence})


def test_categories_that_are_left_out_are_judged_by_thresholds_of_the_others() -> None:
    params = load_params("tiny").align
    names = ["boat", "car", "lamp", "mug", "vase", "tree", "shoe", "chair"]
    found = [scored(name, number, right, 0.9 if right else 0.1) for name in names for number in range(4) for right in (True, False)]
    categories = {one.object_id: one.object_id.split("-")[0] for one in found}
    alike = tuning.left_out(params, found, categories)
    assert alike["precision"]["count"] == alike["precision"]["of"] == len(found) // 2 and alike["recall"]["share"] == 1.0

    # Wrong ones of one category look right: chosen with it a threshold could drop them, chosen by the others it cannot.
    odd = [replace(one, scores={"pose_confidence": 0.9 + 0.01 * one.right}) if one.object_id.startswith("boat") else one for one in found]
    precision = tuning.left_out(params, odd, categories)["precision"]
    assert precision["of"] - precision["count"] == 4
    rules, _, chosen = tuning.chosen_thresholds(params, odd)
    assert all(one.right for one in odd if not caught_by(rules, chosen, one))


@pytest.mark.slow
def test_two_objects_a_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params: Params = load_params("micro", ["align.tuning.seeds=1", "align.tuning.depth_share=1.0"])
    workspace = Workspace.open("micro", tmp_path)
    monkeypatch.setattr(tuning, "tuning_objects", lambda *given: tuning_objects(*given)[:2])
    path = tuning.tune(workspace, params)
    record = json.loads(path.read_bytes())
    faults = {one["fault"] for one in record["candidates"]["test"]}
    assert {"", "no_object", "wrong_mesh", "wrong_texture", "wrong_pose"} <= faults
    assert set(record["thresholds"]) <= set(type(params.align.filters).model_fields)
    assert record["splits"]["tuning"]["precision"]["share"] == 1.0
    words = tuning.describe(path)
    assert "precision" in words and "colour_difference:" in words and "each quarter of the categories" in words

    def nothing_is_scored(one: TuningObject, others: list[TuningObject], tools: object) -> None:
        raise AssertionError(one.object_id)

    monkeypatch.setattr(tuning, "score_object", nothing_is_scored)
    before = path.read_bytes()
    assert tuning.tune(workspace, params).read_bytes() == before
    assert tuning.score_object is not score_object
