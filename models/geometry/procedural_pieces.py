"""Building blocks of the procedural world: closed, outward-oriented pieces with smooth normals, creases and texture coordinates.

Y is up. Letters: V vertices, F faces, P points of a profile or path.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

CREASE_DEGREES = 40.0
"""A profile that turns by more than this has an edge there, not a rounding."""


@dataclass(frozen=True)
class Part:
    """A piece of an object.

    vertices: (V, 3) float64. faces: (F, 3) int32, counter-clockwise from outside. normals: (V, 3) unit. uv: (V, 2) in [0, 1].
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    uv: np.ndarray

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Part":
        """The part at another place."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def scaled(self, x: float, y: float, z: float) -> "Part":
        """The part stretched by positive factors about the origin."""
        normals = self.normals / [x, y, z]
        return replace(self, vertices=self.vertices * [x, y, z], normals=normals / np.linalg.norm(normals, axis=1, keepdims=True))

    def turned(self, axis: str, degrees: float) -> "Part":
        """The part turned about the x, y or z axis through the origin, right-handed."""
        first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        rotation = np.eye(3)
        rotation[first, first] = rotation[second, second] = cosine
        rotation[first, second], rotation[second, first] = -sine, sine
        return replace(self, vertices=self.vertices @ rotation.T, normals=self.normals @ rotation.T)


def joined(parts: Sequence[Part]) -> Part:
    """Several parts as one; nothing is welded."""
    starts = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    return Part(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + start for part, start in zip(parts, starts)]).astype(np.int32),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.uv for part in parts]),
    )


def box(width: float, height: float, depth: float) -> Part:
    """A box about the origin; every side shows the whole texture."""
    corners: list[np.ndarray] = []
    faces: list[list[int]] = []
    normals: list[np.ndarray] = []
    for axis in range(3):
        for sign in (1.0, -1.0):
            normal, up = np.zeros(3), np.zeros(3)
            normal[axis] = sign
            up[2 if axis == 1 else 1] = 1.0
            right = np.cross(up, normal)
            start = 4 * len(normals)
            corners += [normal - right - up, normal + right - up, normal + right + up, normal - right + up]
            faces += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
            normals.append(normal)
    uv = np.tile([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]], (6, 1))
    return Part(np.array(corners) * [width / 2, height / 2, depth / 2], np.array(faces, np.int32), np.repeat(normals, 4, axis=0), uv)


def revolved(profile: Sequence[tuple[float, float]], segments: int = 40) -> Part:
    """A surface of revolution about +Y.

    profile: (radius, y) from the bottom to the top; where it does not start or end on the axis it is closed by a flat disc.
    """
    points = [(max(float(r), 0.0), float(y)) for r, y in profile]
    points = [(0.0, points[0][1])] * (points[0][0] > 0) + points + [(0.0, points[-1][1])] * (points[-1][0] > 0)
    runs = _smooth_runs(np.array(points))
    lengths = np.concatenate([[0.0], np.cumsum([np.linalg.norm(np.diff(run, axis=0), axis=1).sum() for run, _ in runs])])
    lengths /= lengths[-1]
    return joined([_strip(run, normals, segments, (lengths[i], lengths[i + 1])) for i, (run, normals) in enumerate(runs)])


def _smooth_runs(points: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut a profile at its creases; (points (P, 2), normals (P, 2)) of each run. The outside is to the right of the way up."""
    steps = np.diff(points, axis=0)
    keep = np.linalg.norm(steps, axis=1) > 1e-9
    points, steps = np.concatenate([points[:1], points[1:][keep]]), steps[keep]
    direction = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    turn = np.degrees(np.arccos(np.clip((direction[1:] * direction[:-1]).sum(1), -1, 1)))
    cuts = [0, *(np.flatnonzero(turn > CREASE_DEGREES) + 1), len(points) - 1]
    runs = []
    for start, end in pairwise(cuts):
        sides = np.stack([direction[start:end, 1], -direction[start:end, 0]], axis=1)
        normals = np.concatenate([sides[:1], sides[1:] + sides[:-1], sides[-1:]])
        runs.append((points[start : end + 1], normals / np.linalg.norm(normals, axis=1, keepdims=True)))
    return runs


def _strip(run: np.ndarray, normals: np.ndarray, segments: int, span: tuple[float, float]) -> Part:
    angle = np.linspace(0.0, 2.0 * np.pi, segments + 1)
    around = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
    vertices = run[:, None, :1] * around + run[:, None, 1:] * [0.0, 1.0, 0.0]
    directions = normals[:, None, :1] * around + normals[:, None, 1:] * [0.0, 1.0, 0.0]
    height = np.linspace(1.0 - span[0], 1.0 - span[1], len(run))
    uv = np.stack(np.broadcast_arrays(np.linspace(0.0, 1.0, segments + 1)[None, :], height[:, None]), axis=-1)
    faces = _grid(len(run), segments, run[:, 0] < 1e-9)
    return Part(vertices.reshape(-1, 3), faces, directions.reshape(-1, 3), uv.reshape(-1, 2))


def _grid(rows: int, segments: int, on_axis: np.ndarray) -> np.ndarray:
    """Faces of a (rows, segments + 1) grid; a row on the axis is a point and gets one triangle per segment."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(segments), indexing="ij")
    first = (row * (segments + 1) + column).ravel()
    second, third, fourth = first + 1, first + segments + 2, first + segments + 1
    low, high = on_axis[row.ravel()], on_axis[row.ravel() + 1]
    return np.concatenate([np.stack([first, second, third], 1)[~low], np.stack([first, third, fourth], 1)[~high]]).astype(np.int32)


def ellipsoid(x: float, y: float, z: float, segments: int = 32) -> Part:
    """An ellipsoid about the origin with these half axes."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
    return revolved([(float(np.cos(t)) if 0 < i < len(angle) - 1 else 0.0, float(np.sin(t))) for i, t in enumerate(angle)], segments).scaled(x, y, z)


def tube(path: Sequence[Sequence[float]], radius: float | Sequence[float], sides: int = 12) -> Part:
    """A round tube along a path (P, 3), closed by flat ends; the radius may change along it."""
    points = np.asarray(path, float)
    radii = np.broadcast_to(np.asarray(radius, float), len(points))
    tangents = np.gradient(points, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    frames = _parallel_frames(tangents)
    angle = np.linspace(0.0, 2.0 * np.pi, sides + 1)
    ring = np.cos(angle)[None, :, None] * frames[:, None, 0] + np.sin(angle)[None, :, None] * frames[:, None, 1]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    uv = np.stack(np.broadcast_arrays(np.linspace(0.0, 1.0, sides + 1)[None, :], 1.0 - (length / length[-1])[:, None]), axis=-1)
    vertices = points[:, None] + radii[:, None, None] * ring
    faces = _grid(len(points), sides, np.zeros(len(points), bool))
    side = Part(vertices.reshape(-1, 3), faces, ring.reshape(-1, 3), uv.reshape(-1, 2))
    return joined([side, _cap(vertices[0], points[0], -tangents[0]), _cap(vertices[-1][::-1], points[-1], tangents[-1])])


def _parallel_frames(tangents: np.ndarray) -> np.ndarray:
    """Two vectors across each tangent that turn as little as possible along the path, (P, 2, 3)."""
    first = np.cross(tangents[0], np.eye(3)[np.argmin(np.abs(tangents[0]))])
    frames = []
    for tangent in tangents:
        first = first - tangent * (first @ tangent)
        first /= np.linalg.norm(first)
        frames.append([first, np.cross(tangent, first)])
    return np.array(frames)


def _cap(ring: np.ndarray, centre: np.ndarray, normal: np.ndarray) -> Part:
    """A disc over a closed ring (K, 3) that runs clockwise for who looks at the disc from outside."""
    count = len(ring) - 1
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    uv = np.concatenate([[[0.5, 0.5]], 0.5 + 0.5 * np.stack([np.cos(angle), np.sin(angle)], 1)])
    index = np.arange(count)
    faces = np.stack([np.zeros(count, int), 1 + (index + 1) % count, 1 + index], axis=1)
    return Part(np.concatenate([[centre], ring[:-1]]), faces.astype(np.int32), np.tile(normal, (count + 1, 1)), uv)


def prism(outline: Sequence[tuple[float, float]], depth: float) -> Part:
    """A star-shaped outline (x, y), counter-clockwise about its mean, pulled from z = -depth / 2 to depth / 2."""
    points = np.asarray(outline, float)
    low, size = points.min(0), np.ptp(points, axis=0)
    flat = np.concatenate([[points.mean(0)], points])
    uv = np.stack([(flat[:, 0] - low[0]) / size[0], 1.0 - (flat[:, 1] - low[1]) / size[1]], 1)
    index = np.arange(len(points))
    fan = np.stack([np.zeros(len(points), int), 1 + index, 1 + (index + 1) % len(points)], 1).astype(np.int32)
    ends = []
    for sign in (1, -1):
        vertices = np.concatenate([flat, np.full((len(flat), 1), sign * depth / 2)], 1)
        ends.append(Part(vertices, fan[:, ::sign], np.tile([0.0, 0.0, float(sign)], (len(flat), 1)), uv))
    return joined([*ends, _walls(points, depth)])


def _walls(points: np.ndarray, depth: float) -> Part:
    following = np.roll(points, -1, axis=0)
    step = following - points
    normal = np.stack([step[:, 1], -step[:, 0], np.zeros(len(step))], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    corners = [np.concatenate([p, np.full((len(points), 1), z)], 1) for p, z in ((points, 1), (points, -1), (following, -1), (following, 1))]
    vertices = np.stack(corners, 1).reshape(-1, 3) * [1.0, 1.0, depth / 2]
    start = 4 * np.arange(len(points))[:, None]
    faces = np.concatenate([start + np.array([0, 1, 2]), start + np.array([0, 2, 3])])
    uv = np.tile([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], (len(points), 1))
    return Part(vertices, faces.astype(np.int32), np.repeat(normal, 4, axis=0), uv)
