"""Cameras against hand-made projections, and what every view plan promises."""

import numpy as np
import pytest

from data_specs.camera import Camera, Intrinsics
from data_specs.conventions import DEPTH_SCALE
from data_specs.view import ORTHOGONAL_NAMES, ViewPlan
from models.geometry.camera_math import (
    OBJECT_BOX,
    direction_at,
    distance_to_fit,
    look_at,
    pixel_centres,
    project,
    ray_directions,
    reprojection_error,
    view_plan,
)

PLANS: list[tuple[ViewPlan, int]] = [
    ("orthogonal4", 4),
    ("turntable8", 8),
    ("turntable60", 60),
    ("sphere24", 24),
    ("sphere150", 150),
    ("photographic4", 4),
]


def test_project_by_hand() -> None:
    """From (0, 0, 5) with focal 100, the point (1, 1, 0) lies 20 pixels right of and above the centre, 5 m deep."""
    camera = Camera(Intrinsics(200, 100, 100.0, 100.0, 100.0, 50.0), look_at(np.array([0.0, 0.0, 5.0])))
    pixels, depth = project(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), camera)
    np.testing.assert_allclose(pixels, [[120.0, 30.0], [100.0, 50.0]], atol=1e-9)
    np.testing.assert_allclose(depth, [5.0, 4.0])


@pytest.mark.parametrize("eye", [(0, 0, 3), (1, 2, -3), (0, 4, 0), (0, -4, 0)])
def test_look_at_is_rigid_upright_and_aims(eye: tuple[float, ...]) -> None:
    matrix = look_at(np.array(eye, float), np.array([0.0, 0.0, 0.0]))
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0)
    np.testing.assert_allclose(matrix @ [0, 0, 0, 1], [0, 0, np.linalg.norm(eye), 1], atol=1e-12)
    assert matrix[1, 1] <= 1e-12, "world up must not point down in the picture"


def test_look_at_refuses_its_own_position() -> None:
    with pytest.raises(ValueError, match="own position"):
        look_at(np.ones(3), np.ones(3))


def test_right_view_stands_at_plus_x() -> None:
    views = dict(view_plan("orthogonal4", 64, 0))
    assert tuple(views) == ORTHOGONAL_NAMES
    np.testing.assert_allclose(views["front"].world_position(), [0, 0, 5], atol=1e-9)
    np.testing.assert_allclose(views["right"].world_position(), [5, 0, 0], atol=1e-9)
    pixels, _ = project(np.array([0.0, 0.0, 1.0]), views["right"])
    assert pixels[0] < 32, "seen from +X, the front of the object points to the left"


@pytest.mark.parametrize(("plan", "count"), PLANS)
def test_plans_keep_the_box_in_view_within_depth_range(plan: ViewPlan, count: int) -> None:
    views = view_plan(plan, 128, seed=7)
    assert len({name for name, _ in views}) == len(views) == count
    for _, camera in views:
        pixels, depth = project(OBJECT_BOX, camera)
        assert pixels.min() > -1e-6 and pixels.max() < 128 + 1e-6
        assert depth.min() > 0 and depth.max() < 65535 * DEPTH_SCALE


@pytest.mark.parametrize("plan", ["sphere24", "photographic4"])
def test_seeded_plans_repeat_and_vary(plan: ViewPlan) -> None:
    poses = [np.stack([camera.camera_from_world for _, camera in view_plan(plan, 64, seed)]) for seed in (1, 1, 2)]
    assert np.array_equal(poses[0], poses[1]) and not np.allclose(poses[0], poses[2])


def test_sphere_directions_are_well_spread_and_lenses_vary() -> None:
    """The mean direction of an even cover is near zero; neighbours of 150 even directions stand about 16 degrees apart."""
    cameras = [camera for _, camera in view_plan("sphere150", 64, 3)]
    directions = np.stack([c.world_position() / np.linalg.norm(c.world_position()) for c in cameras])
    assert np.linalg.norm(directions.mean(axis=0)) < 0.02
    cosines = directions @ directions.T - 2 * np.eye(len(directions))
    assert np.degrees(np.arccos(cosines.max(axis=1))).min() > 8
    focals = [c.intrinsics.focal_x for c in cameras]
    assert max(focals) / min(focals) > 2


def test_photographic_views_stay_near_their_words_and_frame_the_object() -> None:
    points = OBJECT_BOX * [0.2, 1.0, 0.2]
    for i, (_, camera) in enumerate(view_plan("photographic4", 100, 5, points)):
        x, _, z = camera.world_position()
        assert abs((np.degrees(np.arctan2(x, z)) - 90 * i + 180) % 360 - 180) <= 25 + 1e-9
        pixels, _ = project(points, camera)
        assert pixels.min() > 0 and pixels.max() < 100 and np.ptp(pixels[:, 1]) > 60


def test_unknown_plan_is_an_error() -> None:
    with pytest.raises(ValueError, match="spiral"):
        view_plan("spiral", 8, 0)  # type: ignore[arg-type]


def test_distance_to_fit_by_hand() -> None:
    """Seen from +Z at 90 degrees, the nearest face of the box just fits at distance 1 + 1."""
    assert distance_to_fit(direction_at(0), 90.0) == pytest.approx(2.0)


def test_rays_and_projection_are_inverse_and_errors_are_measured() -> None:
    camera = view_plan("turntable8", 16, 0)[3][1]
    directions = ray_directions(camera, pixel_centres(16, 16))
    position = camera.world_position() + 3.7 * directions
    mask = np.ones((16, 16), bool)
    assert reprojection_error(position, mask, camera) < 1e-9
    moved = position + 0.5 * 3.7 / camera.intrinsics.focal_x * camera.camera_from_world[0, :3]
    assert reprojection_error(moved, mask, camera) == pytest.approx(0.5, abs=1e-6)
    assert reprojection_error(position, ~mask, camera) == 0.0
    assert reprojection_error(camera.world_position() - directions, mask, camera) == float("inf")
