"""Paint a surface with the pictures that see it, and take the same pictures again (SPEC R13).

The surface is known by what the pictures' pixels show: every view carries its position and normal map. A surface point takes its colour from
all views that see it, and the pixel that shows the point takes that colour: a texture of unlimited resolution, without UVs or a mesh.
"""

from dataclasses import dataclass

import numpy as np

from data_specs.camera import Camera
from models.geometry.camera_math import project

ANGLE_POWER = 4.0
"""A view counts with the cosine between its direction and the surface normal to this power: texture bakers use 2 to 6."""

PLANE_TOLERANCE_PIXELS = 0.5
"""A pixel shows the same surface as a point when it lies within this many pixel footprints of the point's tangent plane."""


@dataclass(frozen=True)
class SurfaceView:
    """A picture together with the surface that its pixels show.

    rgb: (H, W, 3) float in [0, 1], sRGB. mask: (H, W) bool, the pixels that show the object and nothing else.
    position: (H, W, 3) float, object frame. normal: (H, W, 3) float, unit, object frame, facing the camera. camera: OpenCV axes, object = world.
    """

    rgb: np.ndarray
    mask: np.ndarray
    position: np.ndarray
    normal: np.ndarray
    camera: Camera


def blend_views(points: np.ndarray, normals: np.ndarray, views: list[SurfaceView]) -> tuple[np.ndarray, np.ndarray]:
    """The colour of surface points: the mean over all views that see them, weighted by visibility and viewing angle.

    points, normals: (N, 3) float, object frame; normals unit and outward. Returns colours (N, 3) float64 in [0, 1], 0 where no view
    sees the point, and weights (N, V) float64 in [0, 1], the part of every view before normalisation.
    """
    sums = np.zeros((len(points), 3))
    weights = np.zeros((len(points), len(views)))
    for v, view in enumerate(views):
        colour, weights[:, v] = _seen_by(points, normals, view)
        sums += colour
    return sums / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12), weights


def reproject_views(views: list[SurfaceView]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Back-project all views onto the surface and take the same pictures again.

    Returns for each view the new picture (H, W, 3) float64 in [0, 1], white outside the mask, and `shared` (H, W) bool: the pixels whose
    point another view sees too (a weight of 0.01 or more). A pixel that no other view sees comes back as it was.
    """
    pictures, shared = [], []
    for v, view in enumerate(views):
        colours, weights = blend_views(view.position[view.mask], view.normal[view.mask], views)
        picture, others = np.ones(view.rgb.shape), np.zeros(view.mask.shape, bool)
        unseen = weights.sum(axis=1) < 1e-9
        picture[view.mask] = np.where(unseen[:, None], view.rgb[view.mask], colours)
        others[view.mask] = np.delete(weights, v, axis=1).max(axis=1, initial=0.0) >= 0.01
        pictures.append(picture)
        shared.append(others)
    return pictures, shared


def _seen_by(points: np.ndarray, normals: np.ndarray, view: SurfaceView) -> tuple[np.ndarray, np.ndarray]:
    """Weighted colour (N, 3) and weight (N,) that one view gives to surface points."""
    pixels, depth = project(points, view.camera)
    to_eye = view.camera.world_position() - points
    cosine = (normals * to_eye).sum(axis=1) / np.maximum(np.linalg.norm(to_eye, axis=1), 1e-12)
    facing = np.flatnonzero((cosine > 0.0) & (depth > 0.0))
    colour, weight = np.zeros((len(points), 3)), np.zeros(len(points))
    tolerance = PLANE_TOLERANCE_PIXELS * depth[facing] / view.camera.intrinsics.focal_x
    seen, part = _sample_visible(view, pixels[facing], points[facing], normals[facing], tolerance)
    angle = cosine[facing] ** ANGLE_POWER
    colour[facing], weight[facing] = seen * angle[:, None], part * angle
    return colour, weight


def _sample_visible(
    view: SurfaceView, pixels: np.ndarray, points: np.ndarray, normals: np.ndarray, tolerance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bilinear sampling by the taps that show the point's own surface: their weighted sum (N, 3) and the sum of their weights (N,)."""
    height, width = view.mask.shape
    corner = np.floor(pixels - 0.5).astype(np.int64)
    fraction = pixels - 0.5 - corner
    colour, weight = np.zeros((len(points), 3)), np.zeros(len(points))
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = corner[:, 0] + right, corner[:, 1] + down
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
        off_plane = np.abs(((view.position[y, x] - points) * normals).sum(axis=1))
        bilinear = np.abs(1 - right - fraction[:, 0]) * np.abs(1 - down - fraction[:, 1])
        part = bilinear * (inside & view.mask[y, x] & (off_plane <= tolerance))
        colour += part[:, None] * view.rgb[y, x]
        weight += part
    return colour, weight
