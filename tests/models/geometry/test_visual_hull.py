"""The visual hull where it is known: a sphere's is what four cones around it share."""

from dataclasses import replace

import numpy as np
import pytest

from models.geometry.back_projection import SurfaceView
from models.geometry.camera_math import reprojection_error
from models.geometry.visual_hull import hull_views, silhouettes
from models.metrics.multiview import hull_consistency
from tests.models.geometry.surface_views import sphere_views, stripes

SIZE = 64


def pictures_of(views: list[SurfaceView]) -> np.ndarray:
    return np.stack([np.rint(np.where(view.mask[..., None], view.rgb, 1.0) * 255).astype(np.uint8) for view in views])


def test_hull_of_a_sphere_lies_around_it_and_touches_it() -> None:
    views = sphere_views(SIZE, stripes, 0.8)
    cameras = [view.camera for view in views]
    for true, hull in zip(views, hull_views(pictures_of(views), cameras)):
        assert hull.mask.sum() > 0.95 * true.mask.sum() and not (hull.mask & ~silhouettes(pictures_of([true]))[0]).any()
        radius = np.linalg.norm(hull.position[hull.mask], axis=-1)
        assert radius.min() > 0.8 - 0.03
        middle = hull.position[SIZE // 2, SIZE // 2]
        eye = true.camera.world_position()
        assert np.dot(middle, eye) / np.linalg.norm(eye) == pytest.approx(0.8 * 5.0 / np.sqrt(25.0 - 0.64), abs=0.06)
        assert np.allclose(hull.normal[SIZE // 2, SIZE // 2] @ eye / 5.0, 1.0, atol=0.1)


def test_positions_project_to_their_pixels() -> None:
    views = sphere_views(SIZE, stripes, 0.8)
    for hull in hull_views(pictures_of(views), [view.camera for view in views]):
        assert reprojection_error(hull.position, hull.mask, hull.camera) < 1e-6


def test_views_that_disagree_about_the_outline_lose() -> None:
    big, small = sphere_views(SIZE, lambda p: np.full(p.shape, 0.5), 0.9), sphere_views(SIZE, lambda p: np.full(p.shape, 0.5), 0.5)
    cameras = [view.camera for view in big]
    agree = hull_consistency(pictures_of(big), cameras)
    differ = hull_consistency(pictures_of([big[0], small[1], big[2], small[3]]), cameras)
    assert agree.psnr > 25.0 and differ.psnr < agree.psnr - 8.0


def test_nothing_shown_agrees() -> None:
    views = [replace(view, mask=np.zeros_like(view.mask)) for view in sphere_views(SIZE)]
    assert hull_consistency(pictures_of(views), [view.camera for view in views]).psnr == 100.0
