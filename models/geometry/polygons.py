"""Polygons of text formats to triangles."""

import numpy as np


def fan_triangles(corners: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut polygons into fans around their first corner.

    corners: (C,) integers, the polygons' corners one after the other. sizes: (P,) corners of each polygon, summing to C.
    Returns (F, 3) triangles of the corners' values and (F,) the polygon of each; polygons with fewer than 3 corners give none.
    """
    pieces = np.maximum(sizes - 2, 0)
    polygon = np.repeat(np.arange(len(sizes)), pieces)
    first = (np.cumsum(sizes) - sizes)[polygon]
    step = np.arange(len(polygon)) - (np.cumsum(pieces) - pieces)[polygon] + 1
    return np.stack([corners[first], corners[first + step], corners[first + step + 1]], axis=1), polygon
