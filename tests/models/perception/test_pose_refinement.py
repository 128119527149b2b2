"""Refinement from a known distance, and its derivatives against differences."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.procedural import build_object
from models.geometry.se3 import rigid
from models.metrics.pose_error import rotation_error_degrees
from models.perception.pose_observation import Observation, observe
from models.perception.pose_refinement import Placement, _depth, _motion, _moved, place, refine, shade
from models.perception.pose_rendering import look
from models.perception.scene_composer import compose_pose
from models.renderers.open3d_cpu import Open3DRenderer, Scene


def known(with_depth: bool) -> tuple[Scene, Observation, np.ndarray]:
    """A loaded mesh, what is observed of it, and its true pose before the virtual camera."""
    scene = compose_pose(build_object("teapot", 5).detailed, "teapot", 5)
    seen = observe(scene.problem if with_depth else scene.without_depth, 96)
    return Open3DRenderer().load(scene.problem.mesh), seen, rigid(seen.virtual_from_camera, np.zeros(3)) @ scene.camera_from_object


@pytest.mark.parametrize(("with_depth", "share", "degrees", "length"), [(True, 1.0, 0.6, 0.08), (False, 0.4, 2.0, 0.15)])
def test_a_pose_beside_the_truth_comes_back(with_depth: bool, share: float, degrees: float, length: float) -> None:
    """From 10 degrees and a tenth of the object's size beside it with depth; without, from nearer."""
    scene, seen, true = known(with_depth)
    turn, move = share * np.array([0.1, -0.12, 0.08]), share * np.array([0.05, -0.08, 0.2])
    start = rigid(Rotation.from_rotvec(turn).as_matrix() @ true[:3, :3], true[:3, 3] + move)
    found = refine(scene, seen, place(look(scene, start, seen.intrinsics), seen, start), 12, True).virtual_from_object
    assert rotation_error_degrees(found, true) < degrees < rotation_error_degrees(start, true)
    assert np.linalg.norm(found[:3, 3] - true[:3, 3]) < length


def test_motion_is_the_derivative() -> None:
    rng = np.random.default_rng(0)
    points, along, origin = rng.normal(0, 1, (3, 5)), rng.normal(0, 1, (3, 5)), rng.normal(0, 1, 3)
    rows, step = _motion(points, along, origin), 1e-6
    for i in range(6):
        twist = np.zeros(6)
        twist[i] = step
        moved = Rotation.from_rotvec(twist[:3]).apply(points.T - origin) + origin + twist[3:]
        assert np.allclose(((moved - points.T) * along.T).sum(axis=1) / step, rows[:, i], atol=1e-5)


def test_the_scale_of_depth_is_the_seventh_unknown() -> None:
    scene, seen, true = known(True)
    view = look(scene, true, seen.intrinsics)
    now = place(view, seen, true)
    equations, step = _depth(view, seen, now, 1.0), np.array([0, 0, 0, 0, 0, 0, 1e-2])
    after = _depth(view, seen, Placement(true, _moved(now, step).depth_scale), 1.0)
    assert np.allclose((after.values - equations.values) / 1e-2, -equations.rows[:, 6], rtol=0.02, atol=1e-3)


def test_light_is_fitted_before_colours_are_compared() -> None:
    scene, seen, true = known(False)
    _, expected, observed = shade(look(scene, true, seen.intrinsics, with_colour=True), seen)
    assert np.sqrt(np.mean((expected - observed) ** 2)) < 0.1
    assert np.corrcoef(expected.reshape(-1), observed.reshape(-1))[0, 1] > 0.7


def test_a_view_beside_the_object_is_left_alone() -> None:
    scene, seen, true = known(True)
    lost = rigid(true[:3, :3], true[:3, 3] + [4.0, 0.0, 0.0])
    assert np.array_equal(refine(scene, seen, Placement(lost, 1.0), 3, False).virtual_from_object, lost)
