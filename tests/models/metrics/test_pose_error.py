"""Pose errors against analytic cases and brute-force twins."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from data_specs.camera import Intrinsics
from models.geometry.se3 import rigid
from models.geometry.symmetry import Symmetry
from models.metrics.pose_error import add, add_s, diameter, projection_error, recall, rotation_error_degrees

K = Intrinsics(640, 480, 500.0, 520.0, 320.0, 240.0)
RING = np.array([[np.cos(angle), np.sin(angle), 0.0] for angle in np.radians(np.arange(0, 360, 30))])
AHEAD = rigid(np.eye(3), np.array([0.0, 0.0, 5.0]))


def turn(degrees: float, axis: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> np.ndarray:
    return rigid(Rotation.from_rotvec(np.radians(degrees) * np.array(axis)).as_matrix(), np.array([0.0, 0.0, 5.0]))


def drawn_pose(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rigid(Rotation.random(rng=rng).as_matrix(), rng.normal([0.0, 0.0, 5.0], 0.3))


def symmetry(rotations: np.ndarray, axes: np.ndarray) -> Symmetry:
    return Symmetry(rotations, axes, np.zeros(3))


def test_a_move_is_its_length() -> None:
    moved = rigid(np.eye(3), np.array([0.3, 0.4, 5.0]))
    assert add(moved, AHEAD, RING) == pytest.approx(0.5)
    assert projection_error(moved, AHEAD, RING, K) == pytest.approx(np.hypot(500 * 0.3 / 5, 520 * 0.4 / 5))
    assert rotation_error_degrees(moved, AHEAD) == pytest.approx(0.0)


def test_a_turn_is_its_chord_and_its_angle() -> None:
    assert add(turn(50), AHEAD, RING) == pytest.approx(2 * np.sin(np.radians(25)))
    assert rotation_error_degrees(turn(50), AHEAD) == pytest.approx(50)
    assert rotation_error_degrees(turn(180, (1.0, 0.0, 0.0)), AHEAD) == pytest.approx(180)


def test_a_turn_onto_itself_is_no_error_of_add_s() -> None:
    assert add_s(turn(60), AHEAD, RING) == pytest.approx(0.0, abs=1e-12)
    assert add(turn(60), AHEAD, RING) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(3))
def test_twins(seed: int) -> None:
    """Plain loops over what the BOP toolkit defines."""
    estimated, true, points = drawn_pose(seed), drawn_pose(seed + 10), np.random.default_rng(seed).normal(0, 0.5, (40, 3))
    moved = [[pose[:3, :3] @ point + pose[:3, 3] for point in points] for pose in (estimated, true)]
    assert add(estimated, true, points) == pytest.approx(np.mean([np.linalg.norm(a - b) for a, b in zip(*moved)]))
    assert add_s(estimated, true, points) == pytest.approx(np.mean([min(np.linalg.norm(a - b) for a in moved[0]) for b in moved[1]]))
    pixels = [[(K.matrix() @ point)[:2] / point[2] for point in points] for points in moved]
    assert projection_error(estimated, true, points, K) == pytest.approx(np.mean([np.linalg.norm(a - b) for a, b in zip(*pixels)]))
    cosine = 0.5 * (np.trace(estimated[:3, :3] @ np.linalg.inv(true[:3, :3])) - 1.0)
    assert rotation_error_degrees(estimated, true) == pytest.approx(np.degrees(np.arccos(cosine)))
    assert diameter(points) == pytest.approx(max(np.linalg.norm(a - b) for a in points for b in points))


def test_behind_the_camera_there_is_no_projection() -> None:
    assert projection_error(rigid(np.eye(3), np.array([0.0, 0.0, -5.0])), AHEAD, RING, K) == np.inf


def test_symmetric_turns_are_free() -> None:
    twofold = symmetry(np.stack([np.eye(3), turn(180)[:3, :3]]), np.zeros((0, 3)))
    assert rotation_error_degrees(turn(170), AHEAD, twofold) == pytest.approx(10)
    assert rotation_error_degrees(drawn_pose(1) @ rigid(turn(180)[:3, :3], np.zeros(3)), drawn_pose(1), twofold) == pytest.approx(0, abs=1e-4)
    ball = symmetry(np.eye(3)[None], np.eye(3))
    assert rotation_error_degrees(drawn_pose(1), AHEAD, ball) == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_a_round_object_against_all_its_turns(seed: int) -> None:
    axis = np.random.default_rng(seed).normal(0, 1, 3)
    axis /= np.linalg.norm(axis)
    upside_down = Rotation.from_rotvec(np.pi * np.cross(axis, [0.6, 0.0, 0.8]) / np.linalg.norm(np.cross(axis, [0.6, 0.0, 0.8]))).as_matrix()
    same = symmetry(np.stack([np.eye(3), upside_down]), axis[None])
    estimated, true = drawn_pose(seed), drawn_pose(seed + 20)
    turns = Rotation.from_rotvec(np.radians(np.arange(0, 360, 0.2))[:, None] * axis).as_matrix()
    poses = [rigid(true[:3, :3] @ flip @ one, true[:3, 3]) for flip in same.rotations for one in turns]
    assert rotation_error_degrees(estimated, true, same) == pytest.approx(min(rotation_error_degrees(estimated, one) for one in poses), abs=0.02)


def test_the_diameter_of_something_flat() -> None:
    assert diameter(RING) == pytest.approx(2.0)
    assert diameter(np.zeros((3, 3))) == 0.0


def test_recall_is_strict_and_counts_what_was_not_found() -> None:
    assert recall(np.array([0.05, 0.2, 0.19, np.inf]), 2.0) == 0.5
    assert recall(np.array([0.05, 0.2]), np.array([1.0, 4.0])) == 1.0
    with pytest.raises(ValueError, match="at least one"):
        recall(np.array([]), 1.0)
