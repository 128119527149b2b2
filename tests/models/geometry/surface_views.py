"""Analytic objects seen by the four orthogonal cameras, for tests of back-projection."""

from collections.abc import Callable

import numpy as np

from models.geometry.back_projection import SurfaceView
from models.geometry.camera_math import pixel_centres, ray_directions, view_plan

Paint = Callable[[np.ndarray], np.ndarray]


def stripes(points: np.ndarray) -> np.ndarray:
    """A smooth colourful pattern of object coordinates (..., 3) -> (..., 3) in [0, 1]."""
    return 0.5 + 0.4 * np.sin(points * [5.0, 4.0, 6.0] + [0.3, 1.0, 2.0])


def rings(points: np.ndarray) -> np.ndarray:
    """Another pattern."""
    radius = np.linalg.norm(points[..., :2], axis=-1, keepdims=True)
    return 0.5 + 0.4 * np.cos(9.0 * radius + np.array([0.0, 2.0, 4.0]))


def sphere_views(
    size_pixels: int, paint: Paint = stripes, radius: float = 1.0, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> list[SurfaceView]:
    """A painted sphere by ray-sphere intersection."""
    return [_sphere_view(camera, paint, radius, np.array(centre)) for _, camera in view_plan("orthogonal4", size_pixels, 0)]


def _sphere_view(camera, paint: Paint, radius: float, centre: np.ndarray) -> SurfaceView:
    size = camera.intrinsics.width
    ray = ray_directions(camera, pixel_centres(size, size))
    offset = camera.world_position() - centre
    a, b, c = (ray**2).sum(-1), 2.0 * ray @ offset, offset @ offset - radius**2
    root = b**2 - 4.0 * a * c
    mask = root > 0.0
    depth = (-b - np.sqrt(np.maximum(root, 0.0))) / (2.0 * a)
    position = camera.world_position() + depth[..., None] * ray
    normal = (position - centre) / radius
    rgb = np.where(mask[..., None], paint(position), 1.0)
    return SurfaceView(rgb, mask, np.where(mask[..., None], position, 0.0), np.where(mask[..., None], normal, 0.0), camera)


def in_front(near: list[SurfaceView], far: list[SurfaceView]) -> list[SurfaceView]:
    """Two objects in one scene: the nearer surface hides the other in every pixel."""
    views = []
    for one, other in zip(near, far):
        eye = one.camera.world_position()
        distances = [np.where(v.mask, np.linalg.norm(v.position - eye, axis=-1), np.inf) for v in (one, other)]
        first = (distances[0] <= distances[1])[..., None]
        maps = [np.where(first, getattr(one, name), getattr(other, name)) for name in ("rgb", "position", "normal")]
        views.append(SurfaceView(maps[0], one.mask | other.mask, maps[1], maps[2], one.camera))
    return views
