"""Polygons of text formats to triangles."""

import numpy as np

CONCAVE_SHARE = 1e-6
"""A corner that turns inwards by less than this share of the polygon's area is a straight one."""


def triangulate(corners: np.ndarray, sizes: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut polygons into triangles that turn as they do: convex ones into fans around their first corner, concave ones ear by ear.

    corners: (C,) integers, rows of `points`, the polygons' corners one after the other. sizes: (P,) corners of each polygon, summing to C.
    points: (V, 3) float. Returns (F, 3) rows of `points` and (F,) the polygon of each; polygons with fewer than 3 corners give none.
    """
    pieces = np.maximum(sizes - 2, 0)
    triangles, polygon = _fans(corners, sizes, pieces)
    kept = np.ones(len(triangles), bool)
    first_corner, first_triangle = np.cumsum(sizes) - sizes, np.cumsum(pieces) - pieces
    for place in _concave(corners, sizes, points):
        ring = corners[first_corner[place] : first_corner[place] + sizes[place]]
        ears, start = ring[_ears(points[ring].astype(np.float64))], first_triangle[place]
        if len(ears):  # none come from a polygon that crosses itself to nothing: it keeps its fan
            triangles[start : start + len(ears)] = ears
            kept[start + len(ears) : start + pieces[place]] = False
    return triangles[kept], polygon[kept]


def _fans(corners: np.ndarray, sizes: np.ndarray, pieces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    polygon = np.repeat(np.arange(len(sizes)), pieces)
    first = (np.cumsum(sizes) - sizes)[polygon]
    step = np.arange(len(polygon)) - (np.cumsum(pieces) - pieces)[polygon] + 1
    return np.stack([corners[first], corners[first + step], corners[first + step + 1]], axis=1), polygon


def _concave(corners: np.ndarray, sizes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Numbers of the polygons with a corner that turns against the others."""
    places = np.flatnonzero(sizes > 3)
    if not len(places):
        return places
    counts = sizes[places]
    starts = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(places)), counts)
    within = np.arange(len(owner)) - starts[owner]
    base = (np.cumsum(sizes) - sizes)[places][owner]
    here, ahead = (points[corners[base + (within + step) % counts[owner]]].astype(np.float64) for step in (0, 1))
    with np.errstate(all="ignore"):  # coordinates that are not finite are found by later checks
        here, ahead = here - here[starts][owner], ahead - here[starts][owner]  # near the origin products keep their digits
        normals = np.add.reduceat(np.cross(here, ahead), starts)  # Newell: twice the area along the normal
        edges = ahead - here
        before = edges[np.where(within == 0, starts[owner] + counts[owner] - 1, np.arange(len(owner)) - 1)]
        turns = (np.cross(before, edges) * normals[owner]).sum(axis=1)
        inwards = turns < -CONCAVE_SHARE * (normals**2).sum(axis=1)[owner]
    return places[np.unique(owner[inwards])]


def _ears(ring: np.ndarray) -> np.ndarray:
    """Triangles of one polygon, corners (N, 3) float64 -> (F, 3) int64 rows of it; F may be less than N - 2 where corners lie on a line."""
    from mapbox_earcut import triangulate_float64  # only files with concave polygons pay

    centred = ring - ring[0]
    normal = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)
    axis = int(np.abs(normal).argmax())
    flat = np.ascontiguousarray(np.roll(centred, -axis - 1, axis=1)[:, :2])
    ears = triangulate_float64(flat, np.array([len(flat)], np.uint32)).astype(np.int64).reshape(-1, 3)
    a, b, c = flat[ears].transpose(1, 2, 0)
    turned_over = ((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0]) * normal[axis] < 0
    return np.where(turned_over[:, None], ears[:, ::-1], ears)
