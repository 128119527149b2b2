"""The size of an object in its depth, against scenes whose scale is known."""

import numpy as np
import pytest

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, look_at
from models.geometry.procedural import build_object
from models.perception.depth_calibration import depth_scale
from models.perception.scene_composer import compose_pose
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer, Scene
from tests.models.renderers.shapes import sphere

LENS = Intrinsics.from_fov(128, 40.0)


def loaded(mesh: Mesh) -> Scene:
    return Open3DRenderer().load(mesh)


def test_a_ball_of_any_size_is_measured() -> None:
    scene = loaded(sphere(4))
    maps = Open3DRenderer().render(scene, Camera(LENS, look_at(direction_at(20.0, 30.0) * 4.0)), UniformLight(), 1)
    for stretch in (0.1, 1.0, 7.0):
        assert depth_scale(maps.depth * np.float32(stretch), maps.mask, LENS, scene) == pytest.approx(1.0 / stretch, rel=0.03)


def test_composed_scenes_are_measured_mostly_within_three_percent() -> None:
    errors = []
    for number, category in enumerate(("mug", "chair", "car", "teapot", "lamp", "house")):
        mesh = build_object(category, 40 + number).detailed
        scene = compose_pose(mesh, category, number)
        found = depth_scale(scene.problem.depth, scene.problem.mask, scene.problem.intrinsics, loaded(mesh))
        errors.append(abs(np.log(found / scene.depth_scale)))
    assert np.median(errors) < 0.03 and max(errors) < 0.3, errors  # what is seen end on has few proportions to go by


def test_wrong_pixels_do_not_count() -> None:
    mesh = build_object("teapot", 41).detailed
    scene = compose_pose(mesh, "teapot", 2)
    problem, known = scene.problem, loaded(mesh)
    clean = depth_scale(problem.depth, problem.mask, problem.intrinsics, known)
    spoilt = problem.depth.copy()
    rows, columns = np.nonzero(problem.mask)
    spoilt[rows[::70], columns[::70]] *= 20.0
    assert depth_scale(spoilt, problem.mask, problem.intrinsics, known) == pytest.approx(clean, rel=0.05)


def test_without_depth_on_the_object_there_is_no_scale() -> None:
    scene, mask = loaded(sphere(2)), np.zeros((128, 128), bool)
    mask[40:80, 40:80] = True
    assert depth_scale(np.zeros((128, 128), np.float32), mask, LENS, scene) is None
