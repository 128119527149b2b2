"""Small fast views of a mesh for comparison: where rays hit, how far, how the surface lies and which base colour it has."""

from dataclasses import dataclass

import numpy as np

from data_specs.camera import Intrinsics
from models.geometry.camera_math import pixel_centres
from models.renderers.open3d_cpu import Scene, cast
from models.renderers.rays import Hits


@dataclass(frozen=True)
class View:
    """What N rays of a picture hit, in the camera's frame, one component per row.

    inside: (S, S) bool. depth: (S, S) float32, 0 = no hit. pixel: (N,) flat indices. points, normals: (3, N) float64; normals are unit and face
    the camera. base: (3, N) float32 linear, or None.
    """

    inside: np.ndarray
    depth: np.ndarray
    pixel: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    base: np.ndarray | None


def coded(linear: np.ndarray) -> np.ndarray:
    """Linear light to about what sRGB makes of it, both in [0, 1], any shape: differences are then as large as they look."""
    return np.clip(linear, 0.0, 1.0) ** (1.0 / 2.2)


def pixel_rays(k: Intrinsics) -> np.ndarray:
    """Rays through the centres of all pixels, (3, P) float64 in the camera's frame, of length 1 along +Z."""
    at = pixel_centres(k.width, k.height).reshape(-1, 2)
    return np.stack([(at[:, 0] - k.centre_x) / k.focal_x, (at[:, 1] - k.centre_y) / k.focal_y, np.ones(len(at))])


def look(scene: Scene, camera_from_object: np.ndarray, k: Intrinsics, with_colour: bool = False) -> View:
    """View a loaded mesh. Materials that are see-through count as solid."""
    rotation, translation = camera_from_object[:3, :3], camera_from_object[:3, 3]
    rays = pixel_rays(k)
    directions = (rotation.T @ rays).astype(np.float32)
    lines = np.empty((rays.shape[1], 6), np.float32)
    lines[:, :3], lines[:, 3:] = -rotation.T @ translation, directions.T
    hits = cast(scene.embree, lines)
    seen = np.take(directions, hits.ray, axis=1)
    normals, _ = scene.surface.shading_normals(hits, seen)
    depth = np.zeros(rays.shape[1], np.float32)
    depth[hits.ray] = hits.depth
    shape = k.height, k.width
    points = np.take(rays, hits.ray, axis=1) * hits.depth
    base = _base(scene, hits, seen, k) if with_colour else None
    return View((depth > 0).reshape(shape), depth.reshape(shape), hits.ray, points, rotation @ normals, base)


def _base(scene: Scene, hits: Hits, directions: np.ndarray, k: Intrinsics) -> np.ndarray:
    return scene.surface.base_colour(hits, directions, 1.0 / k.focal_x)[:3]
