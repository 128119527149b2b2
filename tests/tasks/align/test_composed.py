"""Composed pictures: the same from every run, their truth apart from what the pipeline sees, faults where they were asked for."""

from pathlib import Path

import numpy as np
import pytest

from data_specs.align_params import ComposedParams
from models.geometry.procedural import build_object
from tasks.align.asset_catalogue import AssetCatalogue
from tasks.align.composed import ComposedScene, compose, composed_lines
from tasks.align.planted_faults import FAULTS, MESH_FAULTS, PICTURE_FAULTS
from tests.tasks.asset_folder import write_assets

PARAMS = ComposedParams(size_pixels=96)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> AssetCatalogue:
    made = {"teapot_1": build_object("teapot", 1), "robot_2": build_object("robot", 2)}
    workspace = write_assets(tmp_path_factory.mktemp("assets"), {key: (one.smooth, one.detailed) for key, one in made.items()}, "test")
    return AssetCatalogue.open(workspace.folder("assets"))


def scenes(catalogue: AssetCatalogue, params: ComposedParams, count: int) -> list[ComposedScene]:
    return [compose(line, catalogue, params, 0) for line in composed_lines(catalogue, params, count)]


def test_assets_take_turns_and_every_picture_is_another(catalogue: AssetCatalogue) -> None:
    lines = list(composed_lines(catalogue, PARAMS, 5))
    assert [line.location for line in lines] == ["robot_2/0", "teapot_1/0", "robot_2/1", "teapot_1/1", "robot_2/2"]
    assert len({line.subject_id for line in lines}) == 5 and {line.object_id for line in lines} == {"robot_2", "teapot_1"}
    assert lines[1].item == "teapot_1" and lines[1].caption == "a teapot_1"
    poses = {tuple(scene.truth.camera_from_object.ravel()) for scene in scenes(catalogue, PARAMS, 5)}
    assert len(poses) == 5


def test_a_scene_is_the_same_from_every_run(catalogue: AssetCatalogue) -> None:
    (line,) = composed_lines(catalogue, PARAMS, 1)
    one, again, other = compose(line, catalogue, PARAMS, 0), compose(line, catalogue, PARAMS, 0), compose(line, catalogue, PARAMS, 1)
    np.testing.assert_array_equal(one.picture.rgb, again.picture.rgb)
    np.testing.assert_array_equal(one.picture.depth, again.picture.depth)
    assert (one.picture.rgb != other.picture.rgb).any()
    assert one.truth.fault == "" and not one.planted.is_something


def test_the_truth_is_that_of_the_picture(catalogue: AssetCatalogue) -> None:
    for scene in scenes(catalogue, PARAMS, 2):
        depth, truth = scene.picture.depth, scene.truth
        assert depth is not None and truth.mask.shape == depth.shape == (96, 96)
        known = truth.mask & (depth > 0)
        near = np.median(depth[known]) * truth.depth_scale
        assert near == pytest.approx(truth.camera_from_object[2, 3], abs=1.2)  # the surface lies within the object's own size of its middle
        up = truth.camera_from_object[:3, 1]
        assert up[1] < -0.6 and abs(up[0]) < 1e-9  # upright: +Y of the object points up in the picture


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_planted_where_it_arises(catalogue: AssetCatalogue, fault: str) -> None:
    faulty = ComposedParams(size_pixels=96, faults=(fault,), fault_share=1.0)
    planted = [(scene, clean) for scene, clean in zip(scenes(catalogue, faulty, 4), scenes(catalogue, PARAMS, 4)) if scene.truth.fault]
    assert planted
    for scene, clean in planted:
        assert scene.truth.fault == fault
        assert (scene.picture.rgb != clean.picture.rgb).any() == (fault in PICTURE_FAULTS)
        assert (scene.planted.mesh is not None) == (fault in MESH_FAULTS)
        assert (scene.planted.camera_from_object is not None) == (fault == "wrong_pose")
        assert scene.truth.mask.any() == (fault != "no_object")


def test_a_share_of_the_pictures_has_a_fault(catalogue: AssetCatalogue) -> None:
    params = ComposedParams(size_pixels=48, faults=("no_object",), fault_share=0.5)
    count = sum(bool(scene.truth.fault) for scene in scenes(catalogue, params, 24))
    assert 6 <= count <= 18


def test_where_nothing_is_held_out_all_assets_are_shown(tmp_path: Path) -> None:
    workspace = write_assets(tmp_path, {"robot_2": (build_object("robot", 2).smooth, None)}, "train")
    assert [line.object_id for line in composed_lines(AssetCatalogue.open(workspace.folder("assets")), PARAMS, 2)] == ["robot_2"] * 2
    empty = write_assets(tmp_path / "empty", {}, "train")
    with pytest.raises(ValueError, match="no usable asset"):
        list(composed_lines(AssetCatalogue.open(empty.folder("assets")), PARAMS, 1))


def test_an_unknown_fault_and_changed_assets_are_errors(catalogue: AssetCatalogue) -> None:
    with pytest.raises(ValueError, match=r"no fault 'upside_down'; choose from no_object"):
        list(composed_lines(catalogue, ComposedParams(faults=("upside_down",)), 1))
    with pytest.raises(ValueError, match=r"have changed since the stage was planned"):
        AssetCatalogue(catalogue.folder, "0" * 64).listed("all")
