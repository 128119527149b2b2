"""Closed surfaces of the procedural world, each a grid of points: rings of columns stacked in rows.

A box, a lathed profile, a tube, an ellipsoid and a prism are all rings that grow and shrink along a path, so one kind of
surface serves texturing, shading and assembly alike. Lengths are in the designer's own units; Y is up.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class Grid:
    """A closed surface.

    points: (R, C, 3) float64; the last column repeats the first; the first and the last row are one point each, or the same ring.
    Rows x columns are ordered so that (next column) x (next row) points outwards.
    axes: (3, 3) float64, the rows are the unit vectors of the shape's own frame, for patterns that have a direction.
    """

    points: np.ndarray
    axes: np.ndarray

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Grid":
        """Translate."""
        return replace(self, points=self.points + np.array([x, y, z]))

    def turned(self, axis: str, degrees: float) -> "Grid":
        """Rotate about an axis through the origin, counter-clockwise seen from the axis' positive end."""
        rotation = _rotation(axis, degrees)
        return Grid(self.points @ rotation.T, self.axes @ rotation.T)

    def mapped(self, function: Callable[[np.ndarray], np.ndarray]) -> "Grid":
        """Deform: points (..., 3) -> points (..., 3). The deformation must keep coinciding points together and not mirror."""
        return replace(self, points=function(self.points))

    def tapered(self, x: float = 1.0, z: float = 1.0) -> "Grid":
        """Scale x and z linearly with height, by 1 at the lowest point up to the factors at the highest."""
        low, high = self.points[..., 1].min(), self.points[..., 1].max()
        share = (self.points[..., 1] - low) / (high - low)
        factors = np.stack([1.0 + (x - 1.0) * share, np.ones_like(share), 1.0 + (z - 1.0) * share], axis=-1)
        return replace(self, points=self.points * factors)


def _rotation(axis: str, degrees: float) -> np.ndarray:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    first, second = (AXES[axis] + 1) % 3, (AXES[axis] + 2) % 3
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = cosine
    rotation[second, first], rotation[first, second] = sine, -sine
    return rotation


def loft(rings: np.ndarray, axes: np.ndarray | None = None) -> Grid:
    """Join rings (R, C, 3) without a repeated column; end rings that are not points are capped and must be star-shaped."""
    rows = list(rings)
    for end, place in ((0, 0), (-1, len(rows) + 1)):
        if np.abs(rings[end] - rings[end][0]).max() > 0:
            rows.insert(place, np.broadcast_to(rings[end].mean(axis=0), rings[end].shape))
    return _wrapped(np.stack(rows), np.eye(3) if axes is None else axes)


def _wrapped(rings: np.ndarray, axes: np.ndarray) -> Grid:
    return Grid(np.concatenate([rings, rings[:, :1]], axis=1), axes)


def _circle(columns: int) -> np.ndarray:
    """(columns, 2) unit vectors (x, z), from +Z over +X: counter-clockwise seen from above."""
    angles = np.arange(columns) * (2.0 * np.pi / columns)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1)


def curve(points: list[tuple[float, ...]], count: int) -> np.ndarray:
    """A smooth curve through points that never overshoots: (count, D) float64, evenly spaced in chord length."""
    knots = np.asarray(points, float)
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    return PchipInterpolator(lengths, knots)(np.linspace(0.0, lengths[-1], count))


def lathe(profile: np.ndarray | list[tuple[float, float]], columns: int = 32) -> Grid:
    """Turn a profile (K, 2) of (radius, height) about the Y axis.

    The profile runs up the outside, then down the inside of a hollow shape; ends with a radius above 0 are capped flat.
    """
    return loft(_lathed(np.asarray(profile, float), columns))


def hoop(profile: np.ndarray | list[tuple[float, float]], columns: int = 32) -> Grid:
    """Turn a closed profile (K, 2) of (radius > 0, height) about the Y axis: a ring without caps.

    The profile runs up the outside and down the inside; its first point is not repeated and should lie on a crease, if there is one.
    """
    profile = np.asarray(profile, float)
    return _wrapped(_lathed(np.concatenate([profile, profile[:1]]), columns), np.eye(3))


def _lathed(profile: np.ndarray, columns: int) -> np.ndarray:
    flat = profile[:, :1, None] * _circle(columns)[None]
    height = np.broadcast_to(profile[:, 1:, None], (len(profile), columns, 1))
    return np.concatenate([flat[..., :1], height, flat[..., 1:]], axis=-1)


def torus(radius: float, thickness: float, columns: int = 32) -> Grid:
    """A lying ring around the origin: `radius` to the middle of a tube of radius `thickness`."""
    return hoop(_circle(10)[:, ::-1] * thickness * [1.0, 1.0] + [radius, 0.0], columns)


def cylinder(radius: float, height: float, bevel: float = 0.0, columns: int = 32) -> Grid:
    """An upright cylinder around the origin, its rims rounded by `bevel`."""
    half = height / 2.0
    if bevel <= 0.0:
        return lathe([(radius, -half), (radius, half)], columns)
    arc = np.radians([0.0, 30.0, 60.0, 90.0])
    rim = np.stack([radius - bevel + bevel * np.sin(arc), -half + bevel - bevel * np.cos(arc)], axis=-1)
    return lathe(np.concatenate([rim, rim[::-1] * [1.0, -1.0]]), columns)


def box(width: float, height: float, depth: float, bevel: float = 0.02, segments: int = 2) -> Grid:
    """A box around the origin with sides along X, Y, Z whose edges and corners are rounded by `bevel`."""
    bevel = min(bevel, 0.49 * min(width, height, depth))
    arc = np.linspace(0.0, np.pi / 2.0, segments + 1)
    corners = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)], float) * [width / 2.0 - bevel, depth / 2.0 - bevel]
    angles = arc[None] + np.arange(4)[:, None] * (np.pi / 2.0)
    outward = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(-1, 2)
    corners = np.repeat(corners, segments + 1, axis=0)
    heights = np.concatenate([-height / 2.0 + bevel - bevel * np.cos(arc), height / 2.0 - bevel + bevel * np.sin(arc)])
    radii = bevel * np.concatenate([np.sin(arc), np.cos(arc)])
    radii[[0, -1]] = 0.0
    rings = np.empty((len(heights), len(corners), 3))
    rings[..., [0, 2]] = corners + radii[:, None, None] * outward
    rings[..., 1] = heights[:, None]
    return loft(rings)


def prism(outline: np.ndarray | list[tuple[float, float]], depth: float, bevel: float = 0.0) -> Grid:
    """Extrude an outline (K, 2) of (x, y), counter-clockwise seen from +Z, to z = -depth / 2 .. depth / 2.

    The outline must be star-shaped about the mean of its points. bevel: how far the end faces shrink, in units.
    """
    outline = np.asarray(outline, float)
    centre = outline.mean(axis=0)
    shrunk = centre + (outline - centre) * (1.0 - bevel / np.linalg.norm(outline - centre, axis=1).max())
    half = depth / 2.0
    levels = [(shrunk, -half), (outline, -half + bevel), (outline, half - bevel), (shrunk, half)] if bevel else [(outline, -half), (outline, half)]
    return loft(np.stack([np.column_stack([ring, np.full(len(ring), z)]) for ring, z in levels]))


def tube(path: np.ndarray | list[tuple[float, float, float]], radius: np.ndarray | list[float] | float, columns: int = 12) -> Grid:
    """Sweep a circle along a path (K, 3) with one radius or one per point (K,); the ends are capped.

    The circle is carried without twist. Raises ValueError for a path that stands still or turns back.
    """
    path = np.asarray(path, float)
    steps = np.diff(path, axis=0)
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise ValueError("a tube's path has two equal points in a row")
    chords = steps / lengths
    tangents = np.concatenate([chords[:1], chords[:-1] + chords[1:], chords[-1:]])
    sizes = np.linalg.norm(tangents, axis=1, keepdims=True)
    if not (sizes > 1e-6).all():
        raise ValueError("a tube's path turns back on itself")
    tangents /= sizes
    normals = _carried_normals(tangents)
    binormals = np.cross(tangents, normals)
    circle = _circle(columns)[None, :, :, None]
    radii = np.broadcast_to(np.asarray(radius, float), len(path))[:, None, None]
    rings = path[:, None] + radii * (circle[:, :, 1] * normals[:, None] + circle[:, :, 0] * binormals[:, None])
    return loft(rings, np.stack([normals[0], tangents[0], binormals[0]]))


def _carried_normals(tangents: np.ndarray) -> np.ndarray:
    helper = np.eye(3)[np.argmin(np.abs(tangents[0]))]
    normals = [np.cross(helper, tangents[0])]
    for before, here in pairwise(tangents):
        normal = normals[-1] - (before + here) * (normals[-1] @ here) / (1.0 + before @ here)
        normals.append(normal - here * (normal @ here))
    stacked = np.stack(normals)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


def ellipsoid(x: float, y: float, z: float, sharpness: float = 1.0, rows: int = 14, columns: int = 28) -> Grid:
    """A superellipsoid with half-axes x, y, z around the origin: sharpness 1 = ellipsoid, towards 0 = box."""
    latitude = np.linspace(-np.pi / 2.0, np.pi / 2.0, rows + 1)[1:-1]
    flat = _power(_circle(columns), sharpness)[None] * _power(np.cos(latitude), sharpness)[:, None, None]
    height = np.broadcast_to(_power(np.sin(latitude), sharpness)[:, None, None], (*flat.shape[:2], 1))
    rings = np.concatenate([flat[..., :1], height, flat[..., 1:]], axis=-1)
    pole = np.broadcast_to([0.0, 1.0, 0.0], (1, columns, 3))
    return loft(np.concatenate([-pole, rings, pole]) * [x, y, z])


def _power(values: np.ndarray, exponent: float) -> np.ndarray:
    return np.sign(values) * np.abs(values) ** exponent
