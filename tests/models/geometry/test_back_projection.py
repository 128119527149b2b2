"""Back-projection against a slow, obvious twin, analytic visibility and painted truth."""

import numpy as np

from models.geometry.back_projection import ANGLE_POWER, PLANE_TOLERANCE_PIXELS, SurfaceView, blend_views, reproject_views
from models.geometry.camera_math import project
from tests.models.geometry.surface_views import in_front, rings, sphere_views, stripes


def slow_blend(point: np.ndarray, normal: np.ndarray, views: list[SurfaceView]) -> np.ndarray:
    """One point, one view, one pixel at a time."""
    total, weights = np.zeros(3), 0.0
    for view in views:
        (u, v), depth = project(point, view.camera)
        to_eye = view.camera.world_position() - point
        cosine = float(normal @ to_eye / np.linalg.norm(to_eye))
        if cosine <= 0.0:
            continue
        for row in range(view.mask.shape[0]):
            for column in range(view.mask.shape[1]):
                closeness = max(0.0, 1.0 - abs(column + 0.5 - u)) * max(0.0, 1.0 - abs(row + 0.5 - v))
                if closeness == 0.0 or not view.mask[row, column]:
                    continue
                footprint = depth / view.camera.intrinsics.focal_x
                if abs(normal @ (view.position[row, column] - point)) <= PLANE_TOLERANCE_PIXELS * footprint:
                    total += cosine**ANGLE_POWER * closeness * view.rgb[row, column]
                    weights += cosine**ANGLE_POWER * closeness
    return total / weights if weights else total


def two_spheres(size_pixels: int) -> list[SurfaceView]:
    return in_front(sphere_views(size_pixels, stripes, 0.4, (0.0, 0.0, 0.6)), sphere_views(size_pixels, rings, 0.5, (0.0, 0.0, -0.5)))


def test_equals_the_slow_twin() -> None:
    views = two_spheres(20)
    for view in views[:2]:
        points, normals = view.position[view.mask], view.normal[view.mask]
        colours, _ = blend_views(points, normals, views)
        for k in range(0, len(points), 5):
            np.testing.assert_allclose(colours[k], slow_blend(points[k], normals[k], views), atol=1e-9)


def test_visibility_is_that_of_the_analytic_scene() -> None:
    """Points of the far sphere, seen from the front camera: blocked exactly where the ray to the eye meets the near sphere."""
    views = in_front(sphere_views(256, stripes, 0.25, (0.0, 0.0, 0.6)), sphere_views(256, rings, 0.5, (0.0, 0.0, -0.5)))
    back = views[1]
    far = back.mask & (np.linalg.norm(back.position - [0.0, 0.0, -0.5], axis=-1) < 0.5 + 1e-6) & (back.normal[..., 2] > 0.3)
    points = back.position[far]
    _, weights = blend_views(points, back.normal[far], views)
    eye = views[0].camera.world_position()
    ray = (eye - points) / np.linalg.norm(eye - points, axis=1, keepdims=True)
    offset = points - [0.0, 0.0, 0.6]
    gap = np.linalg.norm(offset - (offset * ray).sum(1, keepdims=True) * ray, axis=1) - 0.25
    clear = np.abs(gap) > 0.015  # two pixels away from the shadow's edge
    assert 0.1 < (gap < 0.0).mean() < 0.9
    assert ((weights[:, 0] > 0.0) == (gap > 0.0))[clear].all()


def test_paint_comes_back_and_gaps_stay() -> None:
    views = sphere_views(128)
    pictures, shared = reproject_views(views)
    for view, picture, others in zip(views, pictures, shared):
        assert np.quantile(np.abs(picture - view.rgb)[view.mask], 0.999) < 0.02  # only at the poles all views graze
        assert (picture[~view.mask] == 1.0).all()
        assert not others[~view.mask].any()
        assert 0.2 < others.sum() / view.mask.sum() < 0.5


def test_a_point_that_only_one_view_sees_keeps_its_colour() -> None:
    """With the front view alone nothing can disagree: the pictures come back unchanged."""
    views = [sphere_views(32, rings)[0]]
    pictures, shared = reproject_views(views)
    np.testing.assert_allclose(pictures[0], views[0].rgb, atol=1e-9)
    assert not shared[0].any()


def test_a_surface_seen_from_behind_gets_no_colour() -> None:
    view = sphere_views(32)[0]
    points = view.position[view.mask]
    colours, weights = blend_views(points, -view.normal[view.mask], [view])
    assert not colours.any()
    assert not weights.any()
