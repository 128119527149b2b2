"""Crops of pictures in which everything is known."""

import numpy as np
import pytest

from data_specs.asset import Mesh
from data_specs.camera import Intrinsics
from models.geometry.camera_math import pixel_centres
from models.perception.base import Picture, PoseProblem
from models.perception.pose_observation import observe, turn_to_axis

K = Intrinsics(200, 150, 180.0, 180.0, 100.0, 75.0)
NO_MESH = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
OFF_CENTRE, RADIUS = (150.0, 50.0), 20.0


def disc_problem(depth: np.ndarray | None = None, centre: tuple[float, float] = OFF_CENTRE) -> PoseProblem:
    """A disc on white."""
    inside = np.linalg.norm(pixel_centres(200, 150) - centre, axis=-1) < RADIUS
    rgb = np.where(inside[..., None], np.array([200, 40, 90]), 255).astype(np.uint8)
    return PoseProblem(Picture(rgb), inside, depth, K, NO_MESH)


@pytest.mark.parametrize("ray", [(0.3, -0.2, 1.0), (0.0, 0.0, 2.0), (-1.0, 1.0, 0.1)])
def test_the_turn_takes_the_ray_to_the_axis(ray: tuple[float, float, float]) -> None:
    turn = turn_to_axis(np.array(ray))
    assert np.allclose(turn @ turn.T, np.eye(3)) and np.linalg.det(turn) == pytest.approx(1.0)
    assert np.allclose(turn @ np.array(ray), [0.0, 0.0, np.linalg.norm(ray)])


def test_the_mask_comes_to_the_middle_and_fills_its_share() -> None:
    seen = observe(disc_problem(), 60)
    rows, columns = np.nonzero(seen.inside)
    assert np.allclose([rows.mean() + 0.5, columns.mean() + 0.5], 30.0, atol=1.0)
    assert max(np.ptp(rows), np.ptp(columns)) == pytest.approx(60 / 1.5, abs=3)
    assert not seen.has_depth and not seen.hidden[seen.inside].any()
    assert np.allclose(seen.rgb[30, 30], (np.array([200, 40, 90]) / 255) ** 2.2, atol=0.02)


def test_distance_to_the_outline_has_a_sign() -> None:
    seen = observe(disc_problem(centre=(100.0, 75.0)), 60)
    radius = np.linalg.norm(pixel_centres(60, 60) - 30.0, axis=-1)
    near = np.abs(radius - 20.0) < 6.0
    assert np.abs(seen.outline_distance - (radius - 19.5))[near].max() < 1.2
    assert seen.outline_known.all()


def test_depth_is_along_the_virtual_axis() -> None:
    """A wall at depth 3: its points keep their place in space."""
    seen = observe(disc_problem(np.full((150, 200), 3.0, np.float32)), 60)
    k = seen.intrinsics
    for row, column in ((30, 30), (20, 40)):
        depth = seen.depth[row, column]
        point = depth * np.array([(column + 0.5 - k.centre_x) / k.focal_x, (row + 0.5 - k.centre_y) / k.focal_y, 1.0])
        assert (seen.virtual_from_camera.T @ point)[2] == pytest.approx(3.0, rel=1e-5)
    assert seen.has_depth and not seen.hidden[10:50, 10:50].any()


def test_what_is_nearer_hides() -> None:
    depth = np.full((150, 200), 3.0, np.float32)
    depth[:, 165:] = 1.5
    problem = disc_problem(depth)
    problem.mask[:, 165:] = False
    seen = observe(problem, 60)
    assert seen.hidden[30, 55] and not seen.hidden[30, 2] and not (seen.hidden & seen.inside).any()
    across = np.flatnonzero(seen.inside[30])
    assert not seen.outline_known[30, across[-1]] and seen.outline_known[30, across[0]]


def test_beyond_the_picture_nothing_is_known() -> None:
    seen = observe(
        PoseProblem(Picture(np.zeros((150, 200, 3), np.uint8)), np.pad(np.ones((40, 40), bool), ((0, 110), (0, 160))), None, K, NO_MESH), 60
    )
    assert seen.hidden[:5].all() and not seen.hidden[40:, 30:].any()
