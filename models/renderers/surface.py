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
        self.vertices = np.ascontiguousarray(mesh.vertices, np.float32)
        self.materials = mesh.materials
        self.face_material = np.zeros(len(mesh.faces), np.int32) if mesh.face_material is None else mesh.face_material
        self.textures = [MipTexture(m) if m.texture is not None and mesh.uv is not None else None for m in mesh.materials]
        self.normals = None if mesh.normals is None else _steps(mesh.normals[mesh.faces])
        self.uv = None if mesh.uv is None or not any(self.textures) else _steps(mesh.uv[mesh.faces])
        self.colours = None if mesh.vertex_colours is None else _steps(mesh.vertex_colours[mesh.faces])
        self.log_density = _log_texel_density(mesh, self.textures, self.face_material)
        self.factors = np.stack([m.factor for m in mesh.materials]).astype(np.float32)
        self.masked, self.blended = (np.array([m.alpha_mode == mode for m in mesh.materials]) for mode in ("mask", "blend"))
        self.cutoffs = np.array([m.alpha_cutoff for m in mesh.materials], np.float32)
        self.see_through = bool(self.masked.any() or self.blended.any())

    def shading_normals(self, hits: Hits, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Unit normals towards the viewer, (N, 3) float32 each: interpolated, and of the triangle.

        view: (N, 3) from the viewer to the point, any length. An interpolated normal that looks away, as happens at the outline of a coarse mesh,
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

    def base_colour(self, hits: Hits, directions: np.ndarray, pixel_length: float, averaged: bool) -> np.ndarray:
        """Linear base colour and opacity, (N, 4) float32 in [0, 1], straight: factor x texture x vertex colour, by the rules of glTF 2.0.

        directions: (N, 3) of the rays, 1 along the camera's +Z. pixel_length: metres that a sample is wide at depth 1.
        averaged: the samples are averaged afterwards, so the nearest mip level will do.
        """
        material = self.face_material[hits.face]
        colour = self.factors[material]
        if self.colours is not None:
            colour *= _interpolate(self.colours, hits)
        if self.uv is not None:
            level = self._level(hits, directions, pixel_length)
            self._texture(colour, material, _interpolate(self.uv, hits), np.rint(level) if averaged else level)
        if self.see_through:
            self._cut(colour, material)
        else:
            colour[:, 3] = 1.0
        return colour

    def _level(self, hits: Hits, directions: np.ndarray, pixel_length: float) -> np.ndarray:
        """Mip level whose texels are as large as a sample: the mean of both directions of its footprint on the surface.

        The footprint's area is (depth x pixel length)^2 / |normal . direction|, exactly, for directions of length 1 along the axis.
        """
        cosine = np.maximum(np.abs(_dot(hits.flat_normal, directions)[:, 0]), SMALLEST_COSINE)
        return self.log_density[hits.face] + np.log2(hits.depth * np.float32(pixel_length)) - np.float32(0.5) * np.log2(cosine)

    def _texture(self, colour: np.ndarray, material: np.ndarray, uv: np.ndarray, level: np.ndarray) -> None:
        """Multiply colours (N, 4) by the textures of their materials."""
        for i, texture in enumerate(self.textures):
            if texture is None:
                continue
            here = slice(None) if len(self.textures) == 1 else np.flatnonzero(material == i)
            texel = texture.sample(uv[here], level[here])
            if texel.shape[1] == 4:
                texel[:, :3] /= np.maximum(texel[:, 3:], np.float32(1e-6))
            colour[here, : texel.shape[1]] *= texel

    def _cut(self, colour: np.ndarray, material: np.ndarray) -> None:
        """Opacity by the material's mode: 1 where opaque, 0 or 1 where masked."""
        alpha = colour[:, 3]
        masked, blended = self.masked[material], self.blended[material]
        alpha[~blended] = np.where(masked, alpha >= self.cutoffs[material], True)[~blended]
        np.clip(alpha, 0.0, 1.0, out=alpha)


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


def _steps(corners: np.ndarray) -> np.ndarray:
    """Corner values (F, 3, K) -> (F, 3, K) float32: the first corner's, and the steps from it to the second and the third."""
    steps = corners.astype(np.float32)
    steps[:, 1:] -= steps[:, :1]
    return steps


def _interpolate(steps: np.ndarray, hits: Hits) -> np.ndarray:
    """Values at the hits, (N, K) float32, from the `_steps` of each face."""
    at_face = steps[hits.face]
    return at_face[:, 0] + at_face[:, 1] * hits.barycentric[:, :1] + at_face[:, 2] * hits.barycentric[:, 1:]


def _edge_on(normal: np.ndarray, flat: np.ndarray, view: np.ndarray) -> np.ndarray:
    """The unit vectors nearest to `normal` that do not look away from the viewer; the triangle's own where there is none."""
    view = view / np.linalg.norm(view, axis=-1, keepdims=True)
    turned = normal - _dot(normal, view) * view
    length = np.sqrt(_dot(turned, turned))
    return np.where(length > 1e-3, turned / np.maximum(length, np.float32(1e-12)), flat)
