"""Composed scenes are what they say of themselves."""

import numpy as np
import pytest

from data_specs.camera import Camera
from models.geometry.procedural import build_object
from models.perception.scene_composer import SceneLayout, compose_pose
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer

MESH = build_object("teapot", 5).detailed


@pytest.mark.parametrize("layout", [SceneLayout(size_pixels=128), SceneLayout(size_pixels=96, clutter=0, upright=True)])
def test_the_mesh_at_the_true_pose_is_what_the_picture_shows(layout: SceneLayout) -> None:
    scene = compose_pose(MESH, "teapot", 3, layout=layout)
    problem, renderer = scene.problem, Open3DRenderer()
    maps = renderer.render(renderer.load(MESH), Camera(problem.intrinsics, scene.camera_from_object), UniformLight(), 1)
    np.testing.assert_array_equal(maps.mask, problem.mask)
    known = problem.mask & (problem.depth > 0)
    ratio = problem.depth[known] * scene.depth_scale / maps.depth[known]
    assert known.sum() > 0.9 * problem.mask.sum() and np.median(ratio) == pytest.approx(1.0, abs=0.01)
    assert problem.picture.size == (layout.size_pixels,) * 2 and scene.hidden == 0.0


def test_something_hides_the_share_that_was_asked_for() -> None:
    scene = compose_pose(MESH, "teapot", 3, 0.3, SceneLayout(size_pixels=128))
    assert scene.hidden == pytest.approx(0.3, abs=0.05)


def test_an_upright_camera_stands_as_people_hold_one() -> None:
    for seed in range(8):
        up = compose_pose(MESH, "teapot", seed, layout=SceneLayout(size_pixels=32, clutter=0, upright=True)).camera_from_object[:3, 1]
        elevation = np.degrees(np.arcsin(-up[2]))
        assert up[0] == pytest.approx(0.0, abs=1e-9) and up[1] < 0 and -5.0 <= elevation <= 50.0
