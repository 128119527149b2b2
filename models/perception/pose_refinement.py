"""Move a pose until the mesh lies where the picture shows it: Gauss-Newton on depth, outline and colours together.

With depth, a pixel that shows the object in both the view and the picture says how far apart the surfaces are along the normal (point to plane,
projective association); the scale of the depth map is a seventh unknown. Pixels on the view's outline say how far the observed outline is. Colours
say, by the gradient of the picture, how far what is painted on the surface has to move. An unknown lighting is fitted before.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from models.geometry.se3 import rigid
from models.perception.pose_observation import Observation
from models.perception.pose_rendering import View, coded, look
from models.renderers.open3d_cpu import Scene

DEPTH_SCALE, OUTLINE_SCALE = 0.1, 0.15
"""Residuals, in units of the object frame, beyond which robust weights fall, in the first round; later rounds halve them down to a fifth."""

DAMPING = 1e-3
OUTLINE_WEIGHT, COLOUR_WEIGHT = 1.0, 0.1
COLOUR_SCALE = 0.1
LONGEST_STEP, AT_REST = 0.35, 5e-4
"""Radians, and units of the object frame: no step of a round is longer; after a shorter one there is nothing left to do."""

FEWEST_PIXELS = 20
RIDGE = 1e-5
"""Of the squared base colour: a light that nothing in the picture shows is dark."""


@dataclass(frozen=True)
class Placement:
    """A pose and the scale that goes with it. depth_scale: times the observed depth is units of the object frame; 1 without depth."""

    virtual_from_object: np.ndarray
    depth_scale: float


@dataclass(frozen=True)
class _Equations:
    """Linear equations of the seven unknowns (turn, move, relative scale). rows: (N, 7). values: (N,). weights: (N,)."""

    rows: np.ndarray
    values: np.ndarray
    weights: np.ndarray


def place(view: View, seen: Observation, pose: np.ndarray) -> Placement:
    """A pose with the depth scale that puts the observed surface, in the median, where the view from this pose has it."""
    both = view.inside & seen.inside & (seen.depth > 0)
    return Placement(pose, float(np.median(view.depth[both] / seen.depth[both])) if both.any() else 1.0)


def refine(scene: Scene, seen: Observation, start: Placement, rounds: int, with_colour: bool) -> Placement:
    """The placement after some rounds of Gauss-Newton, fewer once it rests; where the view loses the object, the last one that had it."""
    now = start
    for i in range(rounds):
        view = look(scene, now.virtual_from_object, seen.intrinsics, with_colour)
        if np.count_nonzero(view.inside & seen.inside) < FEWEST_PIXELS:
            break
        tightness = max(0.5**i, 0.2)
        found = [_outline(view, seen, now, tightness)]
        if seen.has_depth:
            found.append(_depth(view, seen, now, tightness))
        if with_colour:
            found.append(_colours(view, seen, now))
        step = _solve(found)
        now = _moved(now, step)
        if i > 2 and np.abs(step).max() < AT_REST:
            break
    return now


def _solve(found: list[_Equations]) -> np.ndarray:
    """The damped step (7,); each kind of equation counts by its mean, so that the number of its pixels does not matter."""
    matrix, right = DAMPING * np.eye(7), np.zeros(7)
    for one in found:
        if len(one.values) < 6:
            continue
        weighted = one.rows * (one.weights / len(one.values))[:, None]
        matrix += weighted.T @ one.rows
        right += weighted.T @ one.values
    step = np.linalg.solve(matrix, right)
    return step * min(1.0, LONGEST_STEP / max(float(np.linalg.norm(step[:3])), float(np.linalg.norm(step[3:6])), 1e-9))


def _moved(now: Placement, step: np.ndarray) -> Placement:
    """Turn about the object's origin, then move."""
    pose = now.virtual_from_object
    turned = Rotation.from_rotvec(step[:3]).as_matrix() @ pose[:3, :3]
    return Placement(rigid(turned, pose[:3, 3] + step[3:6]), now.depth_scale * float(np.exp(np.clip(step[6], -0.2, 0.2))))


def _motion(points: np.ndarray, along: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """How far points (3, N) go along vectors (3, N) per unit of turn about `origin` and of move, (N, 6)."""
    arm = points - origin[:, None]
    return np.concatenate([np.cross(arm.T, along.T), along.T], axis=1)


def _robust(values: np.ndarray, scale: float) -> np.ndarray:
    """Geman-McClure weights: residuals far beyond `scale` hardly count."""
    return 1.0 / (1.0 + (values / scale) ** 2) ** 2


def _depth(view: View, seen: Observation, now: Placement, tightness: float) -> _Equations:
    observed = seen.depth.reshape(-1)[view.pixel] * seen.inside.reshape(-1)[view.pixel]
    here = observed > 0
    points, normals = view.points[:, here], view.normals[:, here]
    target = points * (observed[here] * now.depth_scale / points[2])
    values = np.einsum("in,in->n", normals, target - points)
    rows = np.zeros((len(values), 7))
    rows[:, :6] = _motion(points, normals, now.virtual_from_object[:3, 3])
    rows[:, 6] = -np.einsum("in,in->n", normals, target)
    return _Equations(rows, values, _robust(values, DEPTH_SCALE * tightness))


def _outline(view: View, seen: Observation, now: Placement, tightness: float) -> _Equations:
    """The pixels at the view's edge move to where the observed outline is, along the gradient of the distance to it."""
    padded = np.pad(view.inside, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge = (view.inside & ~inner & seen.outline_known & ~seen.hidden).reshape(-1)[view.pixel]
    pixel, points = view.pixel[edge], view.points[:, edge]
    down, across = np.gradient(seen.outline_distance)
    gradient = np.stack([across.reshape(-1)[pixel], down.reshape(-1)[pixel]])
    # The centres of edge pixels lie half a pixel inside.
    distance = seen.outline_distance.reshape(-1)[pixel] + 0.5
    values = -distance * points[2] / seen.intrinsics.focal_x
    rows = np.zeros((len(values), 7))
    rows[:, :6] = _motion(points, _in_space(points, gradient), now.virtual_from_object[:3, 3])
    return _Equations(rows, values, OUTLINE_WEIGHT * _robust(values, OUTLINE_SCALE * tightness))


def _in_space(points: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The vectors (3, N) along which a picture quantity changes when its points (3, N) move: its gradient (2, N) per pixel x focal length / depth."""
    x, y = points[:2] / points[2]
    return np.stack([gradient[0], gradient[1], -(gradient[0] * x + gradient[1] * y)])


def shade(view: View, seen: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The view under the light that explains the picture best, per channel linear in the normal.

    Returns the pixels where both show the object, (N,) places in the view's rays; what is expected and what is observed there, (3, N), sRGB-like.
    """
    assert view.base is not None
    here = np.flatnonzero(seen.inside.reshape(-1)[view.pixel])
    observed = seen.rgb.reshape(-1, 3)[view.pixel[here]].T.astype(np.float64)
    base = view.base[:, here].astype(np.float64)
    basis = np.concatenate([np.ones((1, len(here))), view.normals[:, here]])
    expected = np.empty_like(base)
    for channel in range(3):
        columns = (basis * (base[channel] + 0.02)).T
        light = np.linalg.solve(columns.T @ columns + RIDGE * len(here) * np.eye(4), columns.T @ observed[channel])
        expected[channel] = columns @ light
    return here, coded(expected), coded(observed)


def _colours(view: View, seen: Observation, now: Placement) -> _Equations:
    here, expected, observed = shade(view, seen)
    picture = coded(seen.rgb)
    pixel, points = view.pixel[here], view.points[:, here]
    rows, values = [], []
    pixels_per_unit = seen.intrinsics.focal_x / points[2]
    for channel in range(3):
        down, across = np.gradient(picture[..., channel])
        along = _in_space(points, np.stack([across.reshape(-1)[pixel], down.reshape(-1)[pixel]])) * pixels_per_unit
        rows.append(np.pad(_motion(points, along, now.virtual_from_object[:3, 3]), ((0, 0), (0, 1))))
        values.append(expected[channel] - observed[channel])
    stacked = np.concatenate(values)
    return _Equations(np.concatenate(rows), stacked, COLOUR_WEIGHT * _robust(stacked, COLOUR_SCALE))
