"""Texture atlases: which texel shows which point of the surface, whether a mesh's own texture coordinates can carry a new texture, new ones.

Texture coordinates have their origin at the top left (glTF); texel (row, column) has its centre at ((column + 0.5) / S, (row + 0.5) / S).
Letters: F faces, S texels along a side of the atlas, N texels that lie on a face.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import open3d as o3d

from data_specs.asset import Mesh

CHECK_TEXELS = 1024
"""Resolution at which texture coordinates are checked."""

ALLOWED_OVERLAP = 0.005
ALLOWED_STARVED = 0.02
STARVED = 1.0 / 64.0
"""A face with less than this share of the mean texel density (per area) counts as without texels."""

LEAST_USED = 0.1
OUTSIDE = 1e-4
OFF_CENTRE = (0.0123, 0.0071)
"""Texels are checked beside their centres: edges of charts often run exactly through these, and would count for both their faces."""

ROWS_AT_ONCE = 1 << 20
GUTTER_TEXELS = 2
LEAST_CELL_TEXELS = 6


@dataclass(frozen=True)
class Texels:
    """The texels of an atlas whose centre lies on a face.

    place: (N,) int64, row * S + column, ascending. face: (N,) int64. barycentric: (N, 3) float64, the weights of the face's corners.
    """

    place: np.ndarray
    face: np.ndarray
    barycentric: np.ndarray


def texels_of(corner_uv: np.ndarray, side: int) -> Texels:
    """The texels that faces cover in an atlas of `side` x `side`: corner_uv (F, 3, 2) float. Where faces overlap, one of them."""
    scene, places, faces, weights = _flat_scene(corner_uv, side), [], [], []
    for first, rays in _texel_rays(side, (0.0, 0.0)):
        answer = scene.cast_rays(o3d.core.Tensor.from_numpy(rays))
        hit = np.flatnonzero(np.isfinite(answer["t_hit"].numpy()))
        second, third = answer["primitive_uvs"].numpy()[hit].astype(np.float64).T
        places.append(first + hit)
        faces.append(answer["primitive_ids"].numpy()[hit].astype(np.int64))
        weights.append(np.stack([1.0 - second - third, second, third], axis=1))
    return Texels(np.concatenate(places), np.concatenate(faces), np.concatenate(weights))


def uv_fault(mesh: Mesh) -> str:
    """Why the mesh's own texture coordinates cannot carry a new texture; "" when they can: a place in [0, 1] for every face, and for it alone."""
    if mesh.uv is None:
        return "the mesh has no texture coordinates"
    corner_uv = mesh.uv[mesh.faces].astype(np.float64)
    if not np.isfinite(corner_uv).all() or corner_uv.min() < -OUTSIDE or corner_uv.max() > 1.0 + OUTSIDE:
        return "its texture coordinates leave [0, 1]"
    starved = starved_share(mesh)
    if starved > ALLOWED_STARVED:
        return f"{starved:.0%} of its surface has next to no texels"
    covering = faces_over_texels(corner_uv, CHECK_TEXELS)
    used = float((covering > 0).mean())
    if used < LEAST_USED:
        return f"its charts use {used:.0%} of the atlas"
    shared = float((covering > 1).sum() / (covering > 0).sum())
    return f"{shared:.1%} of its texels belong to several faces" if shared > ALLOWED_OVERLAP else ""


def starved_share(mesh: Mesh) -> float:
    """The share of the surface, by area, whose faces get less than `STARVED` of the mean number of texels per area."""
    assert mesh.uv is not None
    surface = _areas(mesh.vertices[mesh.faces].astype(np.float64))
    texture = _areas(np.pad(mesh.uv[mesh.faces].astype(np.float64), ((0, 0), (0, 0), (0, 1))))
    starved = texture * surface.sum() < STARVED * surface * texture.sum()
    return float(surface[starved | (texture == 0.0)].sum() / surface.sum())


def faces_over_texels(corner_uv: np.ndarray, side: int) -> np.ndarray:
    """How many faces lie over a point near the centre of each texel: corner_uv (F, 3, 2) float -> (side, side) int64."""
    scene = _flat_scene(corner_uv, side)
    counts = [scene.count_intersections(o3d.core.Tensor.from_numpy(rays)).numpy() for _, rays in _texel_rays(side, OFF_CENTRE)]
    return np.concatenate(counts).astype(np.int64).reshape(side, side)


def triangle_atlas(faces: int, side: int) -> np.ndarray:
    """Texture coordinates that give every face a triangle of its own, all alike: two in each square cell, (F, 3, 2) float64.

    side: texels of the atlas; triangles keep `GUTTER_TEXELS` from each other. Raises ValueError when there are more faces than it has room for.
    """
    columns = int(np.ceil(np.sqrt((faces + 1) // 2)))
    cell = side // columns
    if cell < LEAST_CELL_TEXELS:
        raise ValueError(f"{faces} faces do not fit a texture of {side} x {side} texels: make it larger, or simplify the mesh")
    low, high = GUTTER_TEXELS / 2.0, cell - GUTTER_TEXELS / 2.0
    leg = high - low - GUTTER_TEXELS
    lower = np.array([[low, low], [low + leg, low], [low, low + leg]])
    upper = np.array([[high, high], [high - leg, high], [high, high - leg]])
    number = np.arange(faces)
    row, column = np.divmod(number // 2, columns)
    corners = np.where((number % 2 == 0)[:, None, None], lower, upper)
    return (np.stack([column, row], axis=1)[:, None] * cell + corners) / side


def with_corner_uv(mesh: Mesh, corner_uv: np.ndarray) -> Mesh:
    """The mesh with other texture coordinates, corner_uv (F, 3, 2); vertices are split where their corners differ."""
    vertex = mesh.faces.reshape(-1)
    keys = np.column_stack([vertex, np.ascontiguousarray(corner_uv.reshape(-1, 2), np.float32).view(np.int32)])
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    rows = vertex[first]
    return replace(
        mesh,
        vertices=mesh.vertices[rows],
        faces=inverse.reshape(-1, 3).astype(np.int32),
        normals=None if mesh.normals is None else mesh.normals[rows],
        uv=corner_uv.reshape(-1, 2)[first].astype(np.float32),
        vertex_colours=None if mesh.vertex_colours is None else mesh.vertex_colours[rows],
    )


def _flat_scene(corner_uv: np.ndarray, side: int) -> o3d.t.geometry.RaycastingScene:
    corners = np.pad(corner_uv * side, ((0, 0), (0, 0), (0, 1))).reshape(-1, 3).astype(np.float32)
    scene = o3d.t.geometry.RaycastingScene()
    triangles = np.arange(len(corners), dtype=np.uint32).reshape(-1, 3)
    scene.add_triangles(o3d.core.Tensor.from_numpy(corners), o3d.core.Tensor.from_numpy(triangles))
    return scene


def _texel_rays(side: int, shift: tuple[float, float]) -> Iterator[tuple[int, np.ndarray]]:
    """Rays along +Z through the texels, some rows at a time: the index of the first texel, and (M, 6) float32."""
    rows = max(ROWS_AT_ONCE // side, 1)
    for top in range(0, side, rows):
        y, x = np.mgrid[top : min(top + rows, side), 0:side].reshape(2, -1)
        rays = np.zeros((len(x), 6), np.float32)
        rays[:, 0], rays[:, 1], rays[:, 2], rays[:, 5] = x + 0.5 + shift[0], y + 0.5 + shift[1], -1.0, 1.0
        yield top * side, rays


def _areas(corners: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2.0
