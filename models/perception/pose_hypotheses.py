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
from models.perception.pose_rendering import look
from models.renderers.open3d_cpu import Scene

VIEWS, TURNS = 240, 36
VIEW_PIXELS, GRID_PIXELS = 44, 32
HALF_SIDE = 2.1
"""The common grid's half side, in root mean square radii."""

COMPLETIONS = ((1.0, 0.0), (1.1, 0.2), (1.2, 0.4), (1.3, 0.6))
"""Of a partly hidden object: how much larger the whole is than what is seen, and how far its centroid lies towards what hides it, in radii."""

HIDDEN_SHARE = 0.06
"""Of the outline: when more of it borders on something nearer, the object may go on behind that."""

APART_DEGREES = 18.0
DEPTH_WEIGHT, DEPTH_REACH = 1.0, 0.3
COLOUR_WEIGHT, CHROMA_WEIGHT = 0.3, 1.0


@dataclass(frozen=True)
class Hypothesis:
    """A pose that may be right, in the virtual camera's frame. virtual_from_object: (4, 4). score: higher is better, of no absolute meaning."""

    virtual_from_object: np.ndarray
    score: float


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


def hypotheses(scene: Scene, seen: Observation, count: int) -> list[Hypothesis]:
    """The `count` best poses, best first, that differ by at least `APART_DEGREES`."""
    focal, distance = _lens(scene, seen)
    views, variants = _views(scene, focal, distance), _variants(seen)
    # Objects of the same shape: distance x radius / focal is the same length in both.
    ranges = distance * (views.radius / focal)[:, None] / (variants.radius / seen.intrinsics.focal_x)
    scores = _compare(views, variants, ranges, seen.has_depth)
    chosen: list[Hypothesis] = []
    for index in np.argsort(-scores, axis=None)[: 60 * count]:
        view, variant = np.unravel_index(index, scores.shape)
        offset = variants.rotation[variant, :2, :2] @ (VIEW_PIXELS / 2.0 - views.middle[view]) / views.radius[view]
        at = variants.middle[variant] + variants.radius[variant] * offset
        pose = _pose(
            views.rotation[view], variants.rotation[variant], (at - seen.intrinsics.centre_x) / seen.intrinsics.focal_x, ranges[view, variant]
        )
        if all(rotation_angle(pose[:3, :3].T @ one.virtual_from_object[:3, :3]) > np.radians(APART_DEGREES) for one in chosen):
            chosen.append(Hypothesis(pose, float(scores[view, variant])))
        if len(chosen) == count:
            break
    return chosen


def _pose(view: np.ndarray, turn: np.ndarray, ray: np.ndarray, depth: float) -> np.ndarray:
    """A view turned in the picture and moved to where the object's origin is seen; ray: (2,) of length 1 along +Z."""
    direction = np.array([*ray, 1.0])
    return rigid(turn_to_axis(direction).T @ turn @ view, depth * direction)


def directions(count: int) -> np.ndarray:
    """Well-spread unit vectors (count, 3): a Fibonacci lattice."""
    index = np.arange(count) + 0.5
    height, azimuth = 1.0 - 2.0 * index / count, np.pi * (1.0 + np.sqrt(5.0)) * index
    across = np.sqrt(1.0 - height * height)
    return np.stack([across * np.sin(azimuth), height, across * np.cos(azimuth)], axis=-1)


def _lens(scene: Scene, seen: Observation) -> tuple[float, float]:
    """Focal length in pixels and distance of the views: about as far away as the picture was taken."""
    radius = float(np.linalg.norm(scene.surface.vertices, axis=1).max())
    rows, columns = np.nonzero(seen.inside)
    centre = seen.intrinsics.centre_x
    angular = float(np.hypot(rows + 0.5 - centre, columns + 0.5 - centre).max()) / seen.intrinsics.focal_x
    distance = max(0.85 * radius / angular, 1.3 * radius)
    return VIEW_PIXELS / 2.0 / np.tan(np.arcsin(radius / distance)), distance


def _views(scene: Scene, focal: float, distance: float) -> _Grids:
    """Views of the mesh from all around, on the common grid; depth is relative to the mean, in units of the object frame."""
    k = Intrinsics(VIEW_PIXELS, VIEW_PIXELS, focal, focal, VIEW_PIXELS / 2.0, VIEW_PIXELS / 2.0)
    poses = [look_at(direction * distance) for direction in directions(VIEWS)]
    channels = np.zeros((VIEWS, 5, VIEW_PIXELS, VIEW_PIXELS), np.float32)
    for planes, pose in zip(channels, poses):
        view = look(scene, pose, k, with_colour=True)
        planes[0] = view.inside
        planes[1] = view.depth
        assert view.base is not None
        planes[2:].reshape(3, -1)[:, view.pixel] = view.base
    inside = channels[:, 0] > 0
    middle, radius = zip(*(_moments(one) for one in inside))
    steps = _grid_steps()
    grids = []
    for planes, centre, size in zip(channels, middle, radius):
        places = np.rint(centre + size * steps - 0.5).astype(np.intp)
        here = ((places >= 0) & (places < VIEW_PIXELS)).all(axis=-1)
        x, y = np.where(here, places.T, 0)
        grids.append(planes[:, y, x] * here)
    grid = np.stack(grids)
    rotations = np.stack([pose[:3, :3] for pose in poses])
    return _grids(grid, np.ones_like(grid[:, 0]), rotations, np.stack(middle), np.array(radius))


def _variants(seen: Observation) -> _Grids:
    """The observation turned against each turn in the picture, on the common grid; depth is relative to the mean and divided by it."""
    middle, radius = _moments(seen.inside)
    planes = np.concatenate([seen.inside[None], np.where(seen.inside, seen.depth, 0)[None], seen.rgb.transpose(2, 0, 1)]).astype(np.float32)
    border = cv2.dilate(seen.inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~seen.inside
    covered = border & seen.hidden
    partly = np.count_nonzero(covered) > HIDDEN_SHARE * np.count_nonzero(border)
    towards = _moments(covered)[0] - middle if partly else np.zeros(2)
    towards = towards / max(float(np.linalg.norm(towards)), 1e-6)
    steps, grids, valid, turns, middles, radii = _grid_steps(), [], [], [], [], []
    for grow, shift in COMPLETIONS if partly else COMPLETIONS[:1]:
        centre, size = middle + shift * radius * towards, radius * grow
        for angle in 2.0 * np.pi * np.arange(TURNS) / TURNS:
            turn = np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
            places = np.rint(centre + size * steps @ turn[:2, :2].T - 0.5).astype(np.intp)
            here = ((places >= 0) & (places < len(seen.inside))).all(axis=-1)
            x, y = np.where(here, places.T, 0)
            grids.append(planes[:, y, x] * here)
            valid.append(~(seen.hidden[y, x] & here))
            turns.append(turn)
            middles.append(centre)
            radii.append(size)
    made = _grids(np.stack(grids), np.stack(valid).astype(np.float32), np.stack(turns), np.stack(middles), np.array(radii))
    known = seen.inside & (seen.depth > 0)
    mean = float(seen.depth[known].mean()) if known.any() else 1.0
    made.depth[:] /= mean
    return made


def _grid_steps() -> np.ndarray:
    """The places of the common grid, (P, 2) as (x, y), in root mean square radii."""
    line = ((np.arange(GRID_PIXELS) + 0.5) / GRID_PIXELS * 2.0 - 1.0) * HALF_SIDE
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


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
    rgb = planes[:, 2:] ** np.float32(1 / 2.2)
    total = rgb.sum(axis=1)
    chroma = (rgb[:, :2] / np.maximum(total, 0.05)[:, None] * mask[:, None]).reshape(len(mask), -1)
    return _Grids(mask, (planes[:, 1] - mean[:, None]) * known, total / 3.0 * mask, chroma, valid, rotation, middle, radius)


def _compare(views: _Grids, variants: _Grids, ranges: np.ndarray, has_depth: bool) -> np.ndarray:
    """How well each view explains each variant, (V, T): overlap of the silhouettes, agreement of relative depth, of luminance and of chroma."""
    shared = np.maximum(views.mask @ variants.mask.T, 1e-3)
    union = views.mask @ variants.valid.T + variants.mask.sum(axis=1) - shared
    scores = shared / np.maximum(union, 1e-3)
    if has_depth:
        first, second, cross = _sums(views.depth, variants.depth, views.mask, variants.mask)
        mean = (views.depth @ variants.mask.T - ranges * (views.mask @ variants.depth.T)) / shared
        variance = (first - 2.0 * ranges * cross + ranges**2 * second) / shared - mean**2
        scores = scores - DEPTH_WEIGHT * np.minimum(np.sqrt(np.maximum(variance, 0.0)) / DEPTH_REACH, 1.0)
    first, second, cross = _sums(views.luminance, variants.luminance, views.mask, variants.mask)
    means = views.luminance @ variants.mask.T / shared, views.mask @ variants.luminance.T / shared
    spread = np.maximum(first / shared - means[0] ** 2, 4e-4) * np.maximum(second / shared - means[1] ** 2, 4e-4)
    scores = scores + COLOUR_WEIGHT * (cross / shared - means[0] * means[1]) / np.sqrt(spread)
    first, second, cross = _sums(views.chroma, variants.chroma, np.tile(views.mask, 2), np.tile(variants.mask, 2))
    return scores - CHROMA_WEIGHT * np.sqrt(np.maximum(first + second - 2.0 * cross, 0.0) / shared)


def _sums(one: np.ndarray, other: np.ndarray, one_mask: np.ndarray, other_mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over shared pixels of the squares of both, and of the product, (V, T) each."""
    return (one * one) @ other_mask.T, one_mask @ (other * other).T, one @ other.T
