"""New texture coordinates for a mesh whose own are of no use: charts of little stretch by Open3D's UVAtlas (Zhou et al. 2004)."""

import numpy as np
import open3d as o3d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.geometry.uv_atlas import GUTTER_TEXELS

MAX_STRETCH = 1.0 / 6.0
APART = np.float32(2e-6)
"""UVAtlas joins vertices at the same place, whatever their numbers: those that were cut apart are moved apart by this, in the object frame."""


def unwrap(vertices: np.ndarray, faces: np.ndarray, side: int) -> np.ndarray:
    """Charts for an atlas of `side` x `side` texels: vertices (V, 3) float, faces (F, 3) int -> (F, 3, 2) float64 in [0, 1].

    Seconds for thousands of faces, minutes for a hundred thousand. Raises RuntimeError where UVAtlas gives up.
    """
    corner = manifold_corners(vertices, faces)
    places = np.zeros((int(corner.max()) + 1, 3), np.float32)
    places[corner] = vertices[faces]
    places[:, 0] += APART * _copy_numbers(places)
    mesh = o3d.t.geometry.TriangleMesh(o3d.core.Tensor.from_numpy(places), o3d.core.Tensor.from_numpy(corner.astype(np.int64)))
    mesh.compute_uvatlas(size=side, gutter=float(GUTTER_TEXELS), max_stretch=MAX_STRETCH)
    return mesh.triangle.texture_uvs.numpy().astype(np.float64).clip(0.0, 1.0)


def manifold_corners(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The vertex of every corner, (F, 3) int64, after the surface is cut wherever it is no manifold.

    Vertices at the same place count as one. Corners stay joined only across edges that exactly two faces share in opposite directions:
    edges of three faces, faces that are turned over, fans that meet in a point, and faces that lie upon each other are cut apart.
    """
    place = np.unique(vertices + np.float32(0.0), axis=0, return_inverse=True)[1].reshape(-1)[faces]
    corner = np.arange(faces.size).reshape(-1, 3)
    start, end = place.reshape(-1), np.roll(place, -1, axis=1).reshape(-1)
    undirected = np.unique(np.column_stack([np.minimum(start, end), np.maximum(start, end)]), axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(undirected, kind="stable")
    counts = np.bincount(undirected)
    firsts = (np.cumsum(counts) - counts)[counts == 2]
    one, other = order[firsts], order[firsts + 1]
    opposite = (start[one] == end[other]) & (start[one] != end[one])
    one, other = one[opposite], other[opposite]
    once = _occurs_once(one // 3, other // 3)  # two faces with two edges in common are a sheet's both sides
    one, other = one[once], other[once]
    ends = np.roll(corner, -1, axis=1).reshape(-1)
    pairs = (np.concatenate([one, ends[one]]), np.concatenate([ends[other], other]))
    joined = coo_array((np.ones(len(pairs[0]), bool), pairs), shape=(faces.size, faces.size))
    return connected_components(joined, directed=False)[1].reshape(-1, 3).astype(np.int64)


def _occurs_once(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    pairs = np.column_stack([np.minimum(one, other), np.maximum(one, other)])
    _, inverse, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    return counts[inverse.reshape(-1)] == 1


def _copy_numbers(places: np.ndarray) -> np.ndarray:
    """0 for the first of several equal rows, 1 for the second, and so on: (V, 3) -> (V,) float32."""
    group = np.unique(places, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    numbers = np.empty(len(places), np.float32)
    numbers[order] = np.arange(len(places)) - np.repeat(starts, np.diff(starts, append=len(places)))
    return numbers
