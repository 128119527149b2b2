"""What a mesh looks like at a point of a face: interpolated normals and base colour.

Letters: N hits, F faces, K components. Arrays of hits hold one component per row, (K, N).
Every triangle is seen from both sides: the sources of meshes do not agree on winding.
"""

import numpy as np

from data_specs.asset import Mesh
from models.renderers.rays import Hits
from models.renderers.textures import MipTexture

SMALLEST_COSINE = np.float32(0.05)
"""A surface seen at a grazing angle is not filtered further than this."""

TINY = np.float32(1e-12)


class Surface:
    """A mesh's look-up tables by face. Raises ValueError for a mesh that cannot be drawn, saying why."""

    def __init__(self, mesh: Mesh) -> None:
        _check(mesh)
        self.vertices = np.ascontiguousarray(mesh.vertices, np.float32)
        self.faces = np.ascontiguousarray(mesh.faces, np.uint32)
        area_vectors = _area_vectors(self.vertices[mesh.faces])
        areas = np.maximum(np.sqrt(_dot(area_vectors, area_vectors)), TINY)
        self.flat_normals = (area_vectors / areas).astype(np.float32)
        self.normals = None if mesh.normals is None else _steps(mesh.normals[mesh.faces])
        self.colours = None if mesh.vertex_colours is None else _steps(mesh.vertex_colours[mesh.faces])
        self.face_material = np.zeros(len(mesh.faces), np.int32) if mesh.face_material is None else mesh.face_material
        self.factors = np.stack([m.factor for m in mesh.materials]).astype(np.float32)
        self.masked, self.blended = (np.array([m.alpha_mode == mode for m in mesh.materials]) for mode in ("mask", "blend"))
        self.cutoffs = np.array([m.alpha_cutoff for m in mesh.materials], np.float32)
        self.see_through = bool(self.masked.any() or self.blended.any())
        self.plain = len(mesh.materials) == 1 and not self.see_through  # one opaque material
        self.textures = [MipTexture(m) if m.texture is not None and mesh.uv is not None else None for m in mesh.materials]
        if mesh.uv is not None and any(self.textures):
            self.uv: np.ndarray | None = _steps(mesh.uv[mesh.faces])
            self.log_density = _log_texel_density(areas, mesh.uv[mesh.faces], self._texels())
        else:
            self.uv = None

    def _texels(self) -> np.ndarray:
        """Texels of each face's texture, (F,)."""
        return np.array([1.0 if t is None else float(t.size[0] * t.size[1]) for t in self.textures])[self.face_material]

    def shading_normals(self, hits: Hits, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Unit normals towards the viewer, (3, N) float32 each: interpolated, and of the triangle.

        directions: (3, N) from the viewer to the point, any length. An interpolated normal that looks away, as happens at the outline
        of a coarse mesh, is turned just enough to be seen edge-on.
        """
        flat = np.take(self.flat_normals, hits.face, axis=1)
        flat *= -np.copysign(np.float32(1.0), _dot(flat, directions))
        if self.normals is None:
            return flat, flat
        smooth = _interpolate(self.normals, hits)
        smooth *= np.copysign(np.float32(1.0), _dot(smooth, flat)) / np.maximum(np.sqrt(_dot(smooth, smooth)), TINY)
        away = np.flatnonzero(_dot(smooth, directions) > 0.0)
        if len(away):
            smooth[:, away] = _edge_on(smooth[:, away], flat[:, away], directions[:, away])
        return smooth, flat

    def base_colour(self, hits: Hits, directions: np.ndarray, pixel_length: float) -> np.ndarray:
        """Linear base colour and opacity, (4, N) float32 in [0, 1], straight: factor x texture x vertex colour, by the rules of glTF 2.0.

        directions: (3, N) of the rays, 1 along the camera's +Z. pixel_length: metres that a sample is wide at depth 1.
        """
        if self.plain:  # most meshes: nothing to look up by material
            material, colour = None, np.repeat(self.factors.T, len(hits.face), axis=1)
        else:
            material = np.take(self.face_material, hits.face)
            colour = np.take(self.factors.T, material, axis=1)
        if self.colours is not None:
            colour *= _interpolate(self.colours, hits)
        if self.uv is not None:
            self._texture(colour, material, _interpolate(self.uv, hits), self._level(hits, directions, pixel_length))
        if material is not None and self.see_through:
            self._cut(colour[3], material)
        else:
            colour[3] = 1.0
        return colour

    def _level(self, hits: Hits, directions: np.ndarray, pixel_length: float) -> np.ndarray:
        """Mip level whose texels are as large as a sample: the mean of both directions of its footprint on the surface.

        The footprint's area is (depth x pixel length)^2 / |normal . direction|, exactly, for directions of length 1 along the axis.
        """
        cosine = np.maximum(np.abs(_dot(np.take(self.flat_normals, hits.face, axis=1), directions)), SMALLEST_COSINE)
        width = hits.depth * np.float32(pixel_length)
        return np.take(self.log_density, hits.face) + np.float32(0.5) * np.log2(width * width / cosine)

    def _texture(self, colour: np.ndarray, material: np.ndarray | None, uv: np.ndarray, level: np.ndarray) -> None:
        """Multiply colours (4, N) by the textures of their materials (N,); None where there is but one."""
        for i, texture in enumerate(self.textures):
            if texture is None:
                continue
            here = slice(None) if material is None else np.flatnonzero(material == i)
            texel = texture.sample(uv[:, here], level[here])
            if len(texel) == 4:
                texel[:3] /= np.maximum(texel[3], np.float32(1e-6))
            for plane, values in zip(colour, texel):
                plane[here] *= values

    def _cut(self, alpha: np.ndarray, material: np.ndarray) -> None:
        """Opacity (N,) by the material's mode, in place: 1 where opaque, 0 or 1 where masked."""
        np.clip(alpha, 0.0, 1.0, out=alpha)
        masked = np.take(self.masked, material)
        alpha[masked] = alpha[masked] >= np.take(self.cutoffs, material[masked])
        alpha[~masked & ~np.take(self.blended, material)] = 1.0


def _check(mesh: Mesh) -> None:
    if not len(mesh.faces) or not len(mesh.vertices):
        raise ValueError(f"a mesh with {len(mesh.vertices)} vertices and {len(mesh.faces)} faces cannot be drawn")
    if int(mesh.faces.min()) < 0 or int(mesh.faces.max()) >= len(mesh.vertices):
        raise ValueError(f"a face refers to vertex {int(mesh.faces.max())} of {len(mesh.vertices)}")
    if not np.isfinite(mesh.vertices).all():
        raise ValueError("a vertex position is not finite")
    if mesh.face_material is not None and not 0 <= int(mesh.face_material.min()) <= int(mesh.face_material.max()) < len(mesh.materials):
        raise ValueError(f"a face refers to material {int(mesh.face_material.max())} of {len(mesh.materials)}")


def _area_vectors(corners: np.ndarray) -> np.ndarray:
    """Twice the area of triangles (F, 3, 3) along their normals, (3, F) float64."""
    first, second = (np.ascontiguousarray((corners[:, i] - corners[:, 0]).T, np.float64) for i in (1, 2))
    return np.stack([first[i] * second[j] - first[j] * second[i] for i, j in ((1, 2), (2, 0), (0, 1))])


def _log_texel_density(areas: np.ndarray, uv: np.ndarray, texels: np.ndarray) -> np.ndarray:
    """log2 of texels per metre on each face, (F,) float32. areas: (F,) twice the face's. uv: (F, 3, 2). texels: (F,) of the whole texture."""
    first, second = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    uv_area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    return (0.5 * np.log2(np.maximum(uv_area * texels, TINY) / areas)).astype(np.float32)


def _steps(corners: np.ndarray) -> np.ndarray:
    """Corner values (F, 3, K) -> (3, K, F) float32: the first corner's, and the steps from it to the second and the third."""
    steps = np.ascontiguousarray(corners.transpose(1, 2, 0), np.float32)
    steps[1:] -= steps[0]
    return steps


def _interpolate(steps: np.ndarray, hits: Hits) -> np.ndarray:
    """Values at the hits, (K, N) float32, from the `_steps` of every face."""
    values = np.empty((steps.shape[1], len(hits.face)), np.float32)
    second, third = hits.barycentric
    for k, value in enumerate(values):
        np.multiply(np.take(steps[1, k], hits.face), second, out=value)
        value += np.take(steps[2, k], hits.face) * third
        value += np.take(steps[0, k], hits.face)
    return values


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _edge_on(normal: np.ndarray, flat: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The unit vectors (3, N) nearest to `normal` that do not look away from the viewer; the triangle's own where there is none."""
    turned = normal - _dot(normal, directions) / _dot(directions, directions) * directions
    length = np.sqrt(_dot(turned, turned))
    return np.where(length > 1e-3, turned / np.maximum(length, TINY), flat)
