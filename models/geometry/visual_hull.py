"""What the silhouettes of some views leave of space: a surface for pictures that were made without any geometry.

A point belongs to the hull when every view sees the object there. Concave parts are filled; views that disagree about the outline leave less.
"""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from data_specs.camera import Camera
from models.geometry.back_projection import SurfaceView
from models.geometry.camera_math import pixel_centres, project, ray_directions

HALF_SIDE = 1.1
"""The canonical object lies in [-1, 1]; the rim lets the surface close."""

SIDE_VOXELS = 96
SMOOTHING_VOXELS = 1.0
INSIDE = 0.5
STEP_VOXELS = 0.5
WHITE = 235
"""A pixel belongs to the object when any of its channels is darker."""


def silhouettes(pictures: np.ndarray) -> np.ndarray:
    """Where pictures (V, H, W, 3) uint8 on white show an object: (V, H, W) bool."""
    return pictures.min(axis=-1) < WHITE


def hull_views(pictures: np.ndarray, cameras: list[Camera]) -> list[SurfaceView]:
    """The pictures (V, H, W, 3) uint8 of V cameras on the surface of their visual hull, in the cameras' world frame.

    A view's mask holds the pixels of its silhouette whose ray meets the hull.
    """
    shown = silhouettes(pictures)
    field = gaussian_filter(_occupancy(shown, cameras), SMOOTHING_VOXELS)
    slope = np.stack(np.gradient(field))
    return [_view(field, slope, *triple) for triple in zip(pictures, shown, cameras)]


def _occupancy(shown: np.ndarray, cameras: list[Camera]) -> np.ndarray:
    """(N, N, N) float32 over x, y, z: 1 where all silhouettes hold the voxel's centre."""
    axis = (np.arange(SIDE_VOXELS) + 0.5) / SIDE_VOXELS * 2.0 * HALF_SIDE - HALF_SIDE
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    kept = np.arange(len(points))
    for mask, camera in zip(shown, cameras):
        pixels, depth = project(points[kept], camera)
        column, row = np.floor(pixels).astype(np.int64).T
        inside = (depth > 0) & (column >= 0) & (column < mask.shape[1]) & (row >= 0) & (row < mask.shape[0])
        kept = kept[inside][mask[row[inside], column[inside]]]
    filled = np.zeros(len(points), np.float32)
    filled[kept] = 1.0
    return filled.reshape(SIDE_VOXELS, SIDE_VOXELS, SIDE_VOXELS)


def _view(field: np.ndarray, slope: np.ndarray, picture: np.ndarray, shown: np.ndarray, camera: Camera) -> SurfaceView:
    rays = ray_directions(camera, pixel_centres(shown.shape[1], shown.shape[0])[shown])
    points, hit = _first_surface(field, camera.world_position(), rays)
    mask = shown.copy()
    mask[shown] = hit
    position, normal = np.zeros((*shown.shape, 3)), np.zeros((*shown.shape, 3))
    position[mask] = points[hit]
    outward = -np.stack([_sample(part, points[hit]) for part in slope], axis=-1)
    normal[mask] = outward / np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-9)
    return SurfaceView(picture / 255.0, mask, position, normal, camera)


def _first_surface(field: np.ndarray, eye: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where rays (N, 3), of length 1 along the camera's +Z, enter the hull: points (N, 3), and (N,) bool whether they do."""
    step = STEP_VOXELS * 2.0 * HALF_SIDE / SIDE_VOXELS
    reach = np.linalg.norm(eye)
    depths = np.arange(max(0.0, reach - np.sqrt(3.0) * HALF_SIDE), reach + np.sqrt(3.0) * HALF_SIDE, step)
    found, before = np.full(len(rays), np.nan), np.zeros(len(rays))
    for depth in depths:
        open_rays = np.flatnonzero(np.isnan(found))
        value = _sample(field, eye + depth * rays[open_rays])
        entered = value >= INSIDE
        part = (INSIDE - before[open_rays]) / np.maximum(value - before[open_rays], 1e-9)
        found[open_rays[entered]] = depth - step * (1.0 - np.clip(part[entered], 0.0, 1.0))
        before[open_rays] = value
    hit = ~np.isnan(found)
    return eye + np.where(hit, found, 0.0)[:, None] * rays, hit


def _sample(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Trilinear, 0 outside."""
    places = (points + HALF_SIDE) / (2.0 * HALF_SIDE) * SIDE_VOXELS - 0.5
    return map_coordinates(field, places.T, order=1, mode="constant")
