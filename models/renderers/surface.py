"""What a mesh looks like at a point of a face: interpolated normals and base colour.

Letters: N hits, F faces. Every triangle is seen from both sides (the sources of meshes do not agree on winding).
"""

from dataclasses import dataclass

import numpy as np

from data_specs.asset import Mesh
from models.renderers.textures import MipTexture

SMALLEST_COSINE = np.float32(0.05)
"""A surface seen at a grazing angle is not filtered further than this."""


@dataclass(frozen=True)
class Hits:
    """Where rays met the mesh.

    ray: (N,) int64 index of the ray. depth: (N,) float32 along the ray, in lengths of its direction. face: (N,) uint32.
    barycentric: (N, 2) float32 weights of the face's second and third corner. flat_normal: (N, 3) float32 of the triangle, either side.
    """

    ray: np.ndarray
    depth: np.ndarray
    face: np.ndarray
    barycentric: np.ndarray
    flat_normal: np.ndarray

    def part(self, chosen: np.ndarray) -> "Hits":
        """The hits chosen by a mask or indices."""
        return Hits(self.ray[chosen], self.depth[chosen], self.face[chosen], self.barycentric[chosen], self.flat_normal[chosen])


class Surface:
    """A mesh's look-up tables, one row per face. Raises ValueError for a mesh that cannot be drawn, saying why."""

    def __init__(self, mesh: Mesh) -> None:
        _check(mesh)
        self.materials = mesh.materials
        self.face_material = np.zeros(len(mesh.faces), np.int32) if mesh.face_material is None else mesh.face_material
        self.textures = [MipTexture(m) if m.texture is not None and mesh.uv is not None else None for m in mesh.materials]
        self.normals = None if mesh.normals is None else mesh.normals[mesh.faces]
        self.uv = None if mesh.uv is None or not any(self.textures) else mesh.uv[mesh.faces].astype(np.float32)
        self.colours = None if mesh.vertex_colours is None else mesh.vertex_colours[mesh.faces].astype(np.float32)
        self.log_density = _log_texel_density(mesh, self.textures, self.face_material)
        self.factors = np.stack([m.factor for m in mesh.materials]).astype(np.float32)
        self.see_through = any(m.alpha_mode != "opaque" for m in mesh.materials)

    def shading_normals(self, hits: Hits, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Unit normals towards the viewer, (N, 3) float32 each: interpolated, and of the triangle.

        view: (N, 3) from the viewer to the point. An interpolated normal that looks away, as happens at the outline of a coarse mesh,
        is turned just enough to be seen edge-on.
        """
        flat = hits.flat_normal * -np.copysign(np.float32(1.0), _dot(hits.flat_normal, view))
        if self.normals is None:
            return flat, flat
        smooth = _interpolate(self.normals, hits)
        smooth *= np.copysign(np.float32(1.0), _dot(smooth, flat)) / np.maximum(np.sqrt(_dot(smooth, smooth)), np.float32(1e-12))
        away = _dot(smooth, view)[:, 0] > 0.0
        if away.any():
            smooth[away] = _edge_on(smooth[away], flat[away], view[away])
        return smooth, flat

    def base_colour(self, hits: Hits, view: np.ndarray, footprint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Linear base colour (N, 3) and opacity (N,), float32 in [0, 1]: factor x texture x vertex colour, by the rules of glTF 2.0.

        footprint: (N,) float32 length on the surface that a sample stands for, seen head-on, in metres.
        """
        material = self.face_material[hits.face]
        colour = self.factors[material]
        if self.colours is not None:
            colour *= _interpolate(self.colours, hits)
        if self.uv is not None:
            self._texture(colour, material, _interpolate(self.uv, hits), self._level(hits, view, footprint))
        return colour[:, :3], self._opacity(colour[:, 3], material)

    def _level(self, hits: Hits, view: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Mip level whose texels are as large as a sample: the mean of both directions of its footprint on the surface."""
        cosine = np.maximum(np.abs(_dot(hits.flat_normal, view)[:, 0]), SMALLEST_COSINE)
        return self.log_density[hits.face] + np.log2(footprint) - np.float32(0.5) * np.log2(cosine)

    def _texture(self, colour: np.ndarray, material: np.ndarray, uv: np.ndarray, level: np.ndarray) -> None:
        for i, texture in enumerate(self.textures):
            if texture is None:
                continue
            here = slice(None) if len(self.textures) == 1 else np.flatnonzero(material == i)
            texel = texture.sample(uv[here], level[here])
            colour[here, :3] *= texel[:, :3]
            if texel.shape[1] == 4:
                colour[here, :3] /= np.maximum(texel[:, 3:], np.float32(1e-6))
                colour[here, 3] *= texel[:, 3]

    def _opacity(self, alpha: np.ndarray, material: np.ndarray) -> np.ndarray:
        if not self.see_through:
            return np.ones_like(alpha)
        modes = np.array([m.alpha_mode for m in self.materials])[material]
        cutoffs = np.array([m.alpha_cutoff for m in self.materials], np.float32)[material]
        cut = np.where(modes == "mask", (alpha >= cutoffs).astype(np.float32), alpha)
        return np.where(modes == "opaque", np.float32(1.0), np.clip(cut, 0.0, 1.0))


def _check(mesh: Mesh) -> None:
    if not len(mesh.faces) or not len(mesh.vertices):
        raise ValueError(f"a mesh with {len(mesh.vertices)} vertices and {len(mesh.faces)} faces cannot be drawn")
    if int(mesh.faces.min()) < 0 or int(mesh.faces.max()) >= len(mesh.vertices):
        raise ValueError(f"a face refers to vertex {int(mesh.faces.max())} of {len(mesh.vertices)}")
    if not np.isfinite(mesh.vertices).all():
        raise ValueError("a vertex position is not finite")
    if mesh.face_material is not None and not 0 <= int(mesh.face_material.min()) <= int(mesh.face_material.max()) < len(mesh.materials):
        raise ValueError(f"a face refers to material {int(mesh.face_material.max())} of {len(mesh.materials)}")


def _log_texel_density(mesh: Mesh, textures: list[MipTexture | None], face_material: np.ndarray) -> np.ndarray:
    """log2 of texels per metre on each face, (F,) float32."""
    if mesh.uv is None:
        return np.zeros(len(mesh.faces), np.float32)
    texels = np.array([1.0 if t is None else float(t.size[0] * t.size[1]) for t in textures])[face_material]
    area = np.linalg.norm(np.cross(*_sides(mesh.vertices[mesh.faces])), axis=-1)
    first, second = _sides(mesh.uv[mesh.faces])
    uv_area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    return (0.5 * np.log2(np.maximum(uv_area * texels, 1e-12) / np.maximum(area, 1e-12))).astype(np.float32)


def _sides(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("nk,nk->n", a, b)[:, None]


def _interpolate(corners: np.ndarray, hits: Hits) -> np.ndarray:
    """Values of corners (F, 3, K) at the hits, (N, K) float32."""
    weights = np.empty((len(hits.face), 3), np.float32)
    weights[:, 1:] = hits.barycentric
    weights[:, 0] = 1.0 - hits.barycentric[:, 0] - hits.barycentric[:, 1]
    return np.einsum("nc,nck->nk", weights, corners[hits.face])


def _edge_on(normal: np.ndarray, flat: np.ndarray, view: np.ndarray) -> np.ndarray:
    """The unit vectors nearest to `normal` that do not look away from the viewer; the triangle's own where there is none."""
    view = view / np.linalg.norm(view, axis=-1, keepdims=True)
    turned = normal - _dot(normal, view) * view
    length = np.sqrt(_dot(turned, turned))
    return np.where(length > 1e-3, turned / np.maximum(length, np.float32(1e-12)), flat)
