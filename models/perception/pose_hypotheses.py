"""From which side is the object seen? Views of the mesh from all around, each turned in the picture, against what is observed.

Silhouettes are laid over each other by their centroid and their root mean square radius, which no turn in the picture changes. So the views
are drawn once, the observation is turned, and all pairs are compared by a few matrix products.

Letters: V views, T turned variants of the observation, P pixels of the common grid.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from data_specs.camera import Intrinsics
from models.geometry.camera_math import look_at
from models.geometry.se3 import rigid
from models.geometry.symmetry import rotation_angle
from models.perception.pose_observation import Observation, turn_to_axis
from models.perception.pose_rendering import coded, look
from models.renderers.open3d_cpu import Scene

VIEWS, TURNS = 240, 36
VIEW_SHARE, GRID_SHARE = 0.92, 0.67
"""Pixels along a side of a view and of the common grid, per pixel of the observation."""

HALF_SIDE = 2.1
"""The common grid's half side, in root mean square radii."""

COMPLETIONS = ((1.0, 0.0), (1.1, 0.2), (1.2, 0.4), (1.3, 0.6))
"""Of a partly hidden object: how much larger the whole is than what is seen, and how far its centroid lies towards what hides it, in radii."""

HIDDEN_SHARE = 0.06
"""Of the outline: when more of it borders on something nearer, the object may go on behind that."""

APART_DEGREES = 18.0
DEPTH_REACH, COLOUR_WEIGHT, CHROMA_WEIGHT = 0.3, 0.3, 1.0


@dataclass(frozen=True)
class _Grids:
    """N pictures on the common grid, float32, 0 outside the mask.

    mask, depth, luminance: (N, P). chroma: (N, 2 P). valid: (N, P), where the mask is known. rotation: (N, 3, 3); of variants, in the picture.
    middle: (N, 2) pixels, of the mask's centroid. radius: (N,) pixels.
    """

    mask: np.ndarray
    depth: np.ndarray
    luminance: np.ndarray
    chroma: np.ndarray
    valid: np.ndarray
    rotation: np.ndarray
    middle: np.ndarray
    radius: np.ndarray


def hypotheses(scene: Scene, seen: Observation, count: int) -> list[np.ndarray]:
    """The `count` poses `virtual_from_object` (4, 4), best first, that explain an observation best and differ by `APART_DEGREES` or more."""
    lens, distance = _lens(scene, seen)
    views, variants = _views(scene, lens, distance, _grid_steps(seen)), _variants(seen)
    # An object of one size: distance x angular radius is the same length in both.
    ranges = distance * (views.radius / lens.focal_x)[:, None] / (variants.radius / seen.intrinsics.focal_x)
    scores = _compare(views, variants, ranges, seen.has_depth)
    chosen: list[np.ndarray] = []
    for index in np.argsort(-scores, axis=None)[: 60 * count]:
        view, variant = np.unravel_index(index, scores.shape)
        offset = variants.rotation[variant, :2, :2] @ (lens.centre_x - views.middle[view]) / views.radius[view]
        at = variants.middle[variant] + variants.radius[variant] * offset
        ray = (at - seen.intrinsics.centre_x) / seen.intrinsics.focal_x
        pose = _pose(views.rotation[view], variants.rotation[variant], ray, float(ranges[view, variant]))
        if all(rotation_angle(pose[:3, :3].T @ one[:3, :3]) > np.radians(APART_DEGREES) for one in chosen):
            chosen.append(pose)
        if len(chosen) == count:
            break
    return chosen


def directions(count: int) -> np.ndarray:
    """Well-spread unit vectors (count, 3): a Fibonacci lattice."""
    index = np.arange(count) + 0.5
    height, azimuth = 1.0 - 2.0 * index / count, np.pi * (1.0 + np.sqrt(5.0)) * index
    across = np.sqrt(1.0 - height * height)
    return np.stack([across * np.sin(azimuth), height, across * np.cos(azimuth)], axis=-1)


def _pose(view: np.ndarray, turn: np.ndarray, ray: np.ndarray, depth: float) -> np.ndarray:
    """A view turned in the picture and moved to where the object's origin is seen; ray: (2,) of length 1 along +Z."""
    direction = np.array([*ray, 1.0])
    return rigid(turn_to_axis(direction).T @ turn @ view, depth * direction)


def _lens(scene: Scene, seen: Observation) -> tuple[Intrinsics, float]:
    """The lens and the distance of the views: about as far away as the picture was taken, the whole object in sight."""
    radius = float(np.linalg.norm(scene.surface.vertices, axis=1).max())
    rows, columns = np.nonzero(seen.inside)
    centre = seen.intrinsics.centre_x
    angular = float(np.hypot(rows + 0.5 - centre, columns + 0.5 - centre).max()) / seen.intrinsics.focal_x
    distance = max(0.85 * radius / angular, 1.3 * radius)
    size = round(VIEW_SHARE * len(seen.inside))
    focal = size / 2.0 / float(np.tan(np.arcsin(radius / distance)))
    return Intrinsics(size, size, focal, focal, size / 2.0, size / 2.0), distance


def _views(scene: Scene, lens: Intrinsics, distance: float, steps: np.ndarray) -> _Grids:
    """Views of the mesh from all around, on the common grid; depth is relative to its mean, in units of the object frame."""
    poses = [look_at(direction * distance) for direction in directions(VIEWS)]
    planes, middles, radii = np.empty((VIEWS, 5, len(steps)), np.float32), np.empty((VIEWS, 2)), np.empty(VIEWS)
    for i, pose in enumerate(poses):
        view = look(scene, pose, lens, with_colour=True)
        assert view.base is not None
        channels = np.zeros((5, lens.height, lens.width), np.float32)
        channels[0], channels[1] = view.inside, view.depth
        channels[2:].reshape(3, -1)[:, view.pixel] = view.base
        middles[i], radii[i] = _moments(view.inside)
        planes[i] = _looked_up(channels, middles[i] + radii[i] * steps)
    return _grids(planes, np.ones_like(planes[:, 0]), np.stack([pose[:3, :3] for pose in poses]), middles, radii)


def _variants(seen: Observation) -> _Grids:
    """The observation turned against each turn in the picture, on the common grid; depth is relative to its mean and divided by it."""
    known = seen.inside & (seen.depth > 0)
    depth = np.where(known, seen.depth / max(float(seen.depth[known].mean()), 1e-9) if known.any() else 0.0, 0.0)
    channels = np.concatenate([seen.inside[None], depth[None], seen.rgb.transpose(2, 0, 1), seen.hidden[None]]).astype(np.float32)
    steps, planes, turns, middles, radii = _grid_steps(seen), [], [], [], []
    for middle, radius in _completions(seen):
        for angle in 2.0 * np.pi * np.arange(TURNS) / TURNS:
            turn = np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
            planes.append(_looked_up(channels, middle + radius * steps @ turn[:2, :2].T))
            turns.append(turn)
            middles.append(middle)
            radii.append(radius)
    grid = np.stack(planes)
    return _grids(grid[:, :5], 1.0 - grid[:, 5], np.stack(turns), np.stack(middles), np.array(radii))


def _completions(seen: Observation) -> list[tuple[np.ndarray, float]]:
    """Centroid and radius that the whole object may have: what is seen, and more where something nearer hides a part."""
    middle, radius = _moments(seen.inside)
    border = cv2.dilate(seen.inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~seen.inside
    covered = border & seen.hidden
    if np.count_nonzero(covered) <= HIDDEN_SHARE * np.count_nonzero(border):
        return [(middle, radius)]
    towards = _moments(covered)[0] - middle
    towards /= max(float(np.linalg.norm(towards)), 1e-6)
    return [(middle + shift * radius * towards, radius * grow) for grow, shift in COMPLETIONS]


def _grid_steps(seen: Observation) -> np.ndarray:
    """The places of the common grid, (P, 2) as (x, y), in root mean square radii."""
    count = round(GRID_SHARE * len(seen.inside))
    line = ((np.arange(count) + 0.5) / count * 2.0 - 1.0) * HALF_SIDE
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def _looked_up(channels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Channels (C, S, S) at the pixels that hold image coordinates (P, 2), (C, P); 0 beyond the border."""
    pixels = np.floor(places).astype(np.intp)
    here = ((pixels >= 0) & (pixels < channels.shape[1])).all(axis=-1)
    x, y = np.where(here, pixels.T, 0)
    return channels[:, y, x] * here


def _moments(inside: np.ndarray) -> tuple[np.ndarray, float]:
    """The centroid (2,) as (x, y) and the root mean square radius of a mask (H, W), in pixels."""
    rows, columns = np.nonzero(inside)
    if not len(rows):
        return np.full(2, inside.shape[0] / 2.0), 1.0
    at = np.stack([columns, rows], axis=-1) + 0.5
    middle = at.mean(axis=0)
    return middle, max(float(np.sqrt(((at - middle) ** 2).sum(axis=1).mean())), 0.5)


def _grids(planes: np.ndarray, valid: np.ndarray, rotation: np.ndarray, middle: np.ndarray, radius: np.ndarray) -> _Grids:
    """planes: (N, 5, P) of mask, depth, linear RGB."""
    mask = planes[:, 0]
    known = mask * (planes[:, 1] > 0)
    mean = planes[:, 1].sum(axis=1) / np.maximum(known.sum(axis=1), 1.0)
    rgb = coded(planes[:, 2:])
    total = rgb.sum(axis=1)
    chroma = (rgb[:, :2] / np.maximum(total, 0.05)[:, None] * mask[:, None]).reshape(len(mask), -1)
    return _Grids(mask, (planes[:, 1] - mean[:, None]) * known, total / 3.0 * mask, chroma, valid, rotation, middle, radius)


def _compare(views: _Grids, variants: _Grids, ranges: np.ndarray, has_depth: bool) -> np.ndarray:
    """How well each view explains each variant, (V, T): overlap of the silhouettes, times how well depth, luminance and chroma agree there.

    A product, because a small overlap agrees easily.
    """
    shared = np.maximum(views.mask @ variants.mask.T, 1e-3)
    union = views.mask @ variants.valid.T + variants.mask.sum(axis=1) - shared
    agreement = np.ones_like(shared)
    if has_depth:
        first, second, cross = _sums(views.depth, variants.depth, views.mask, variants.mask)
        mean = (views.depth @ variants.mask.T - ranges * (views.mask @ variants.depth.T)) / shared
        variance = (first - 2.0 * ranges * cross + ranges**2 * second) / shared - mean**2
        agreement = 2.0 - np.minimum(np.sqrt(np.maximum(variance, 0.0)) / DEPTH_REACH, 1.0)
    first, second, cross = _sums(views.luminance, variants.luminance, views.mask, variants.mask)
    means = views.luminance @ variants.mask.T / shared, views.mask @ variants.luminance.T / shared
    spread = np.maximum(first / shared - means[0] ** 2, 4e-4) * np.maximum(second / shared - means[1] ** 2, 4e-4)
    agreement = agreement + COLOUR_WEIGHT * (cross / shared - means[0] * means[1]) / np.sqrt(spread)
    first, second, cross = _sums(views.chroma, variants.chroma, np.tile(views.mask, 2), np.tile(variants.mask, 2))
    agreement = agreement - CHROMA_WEIGHT * np.sqrt(np.maximum(first + second - 2.0 * cross, 0.0) / shared)
    return shared / np.maximum(union, 1e-3) * agreement


def _sums(one: np.ndarray, other: np.ndarray, one_mask: np.ndarray, other_mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over shared pixels of the squares of both, and of the product, (V, T) each."""
    return (one * one) @ other_mask.T, one_mask @ (other * other).T, one @ other.T
