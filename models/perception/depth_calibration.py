"""How large is an object in its picture's depth? The scale that brings masked depth to the units of the mesh, before any pose is known (SPEC F11).

What is seen of the object is a cloud of points; so is every view of the mesh. Their spreads across the line of sight and along it do not change
when the camera turns about its axis. The views whose spreads have the proportions of the observed ones are those that may have been seen, and
say how large it is.
"""

import numpy as np

from data_specs.camera import Intrinsics
from models.geometry.camera_math import look_at, pixel_centres
from models.perception.pose_hypotheses import directions
from models.perception.pose_rendering import look
from models.renderers.open3d_cpu import Scene

VIEWS, VIEW_PIXELS = 96, 48
LIKELY_SHARE = 0.1
"""Of the views: those that resemble what is seen most."""

FEWEST_PIXELS = 40
OUTLIERS = (2.0, 98.0)
"""Percentiles of depth within the mask that count: at outlines depth mixes the object with what lies behind."""

ALONG_WEIGHT = 0.5
"""Of the spread along the line of sight, which noise of the depth touches most; each of the two across has 1."""

NEAREST, FARTHEST = 1.3, 8.0
"""How far off the views' cameras stand, in radii of the mesh: as far as the object looks small."""


def depth_scale(depth: np.ndarray, mask: np.ndarray, intrinsics: Intrinsics, scene: Scene) -> float | None:
    """Units of the object frame per unit of depth; None where the mask has too little depth to say.

    depth: (H, W) float32 along +Z in any unit, 0 = unknown. mask: (H, W) bool. scene: the loaded mesh in the canonical frame.
    """
    seen = _cloud(depth, mask, intrinsics)
    if seen is None:
        return None
    spread = _spread(seen)
    views = _view_spreads(scene, float(seen[:, 2].mean() / np.hypot(*spread[:2])))
    if not len(views):
        return None
    logs = np.log(views) - np.log(spread)
    weights = np.array([1.0, 1.0, ALONG_WEIGHT]) / (2.0 + ALONG_WEIGHT)
    sizes = logs @ weights
    misfit = ((logs - sizes[:, None]) ** 2) @ weights
    likely = np.argsort(misfit, kind="stable")[: max(3, round(LIKELY_SHARE * len(sizes)))]
    return float(np.exp(np.median(sizes[likely])))


def _cloud(depth: np.ndarray, mask: np.ndarray, k: Intrinsics) -> np.ndarray | None:
    """The points of the object (N, 3) float64 in the camera's frame; None when there are too few."""
    known = mask & (depth > 0)
    if np.count_nonzero(known) < FEWEST_PIXELS:
        return None
    at = (pixel_centres(k.width, k.height)[known] - [k.centre_x, k.centre_y]) / [k.focal_x, k.focal_y]
    return np.column_stack([at, np.ones(len(at))]) * depth[known, None].astype(np.float64)


def _spread(points: np.ndarray) -> np.ndarray:
    """Standard deviations (3,) of points (N, 3) of a camera: the larger and the smaller one across the line of sight, and the one along it."""
    low, high = np.percentile(points[:, 2], OUTLIERS)
    points = points[(points[:, 2] >= low) & (points[:, 2] <= high)]
    points = points @ look_at(-points.mean(axis=0))[:3, :3].T  # as a camera that looks at their middle sees them
    across = np.linalg.eigvalsh(np.cov(points[:, :2].T))[::-1]
    return np.sqrt(np.maximum([*across, points[:, 2].var()], 1e-12))


def _view_spreads(scene: Scene, remoteness: float) -> np.ndarray:
    """The spreads (V, 3) of what is seen of the mesh from all around. remoteness: distance over the root mean square radius of what is seen."""
    vertices = scene.surface.vertices
    radius, across = float(np.linalg.norm(vertices, axis=1).max()), float(np.sqrt(vertices.var(axis=0).sum() * 2.0 / 3.0))
    distance = float(np.clip(remoteness * across, NEAREST * radius, FARTHEST * radius))
    focal, middle = VIEW_PIXELS / 2.0 / np.tan(np.arcsin(radius / distance)), VIEW_PIXELS / 2.0
    lens, spreads = Intrinsics(VIEW_PIXELS, VIEW_PIXELS, focal, focal, middle, middle), []
    for direction in directions(VIEWS):
        points = look(scene, look_at(direction * distance), lens).points.T
        if len(points) >= FEWEST_PIXELS:
            spreads.append(_spread(points))
    return np.array(spreads).reshape(-1, 3)
