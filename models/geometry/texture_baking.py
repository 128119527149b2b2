"""New textures: from views of an object (SPEC R14), blended where views see the surface, filled where none does; or from another mesh of it."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import open3d as o3d
from scipy.spatial import cKDTree

from data_specs.asset import Material, Mesh
from models.geometry.back_projection import SurfaceView, blend_views
from models.geometry.uv_atlas import Texels, texels_of, with_corner_uv
from models.renderers.rays import Hits
from models.renderers.surface import Surface
from models.renderers.textures import encode_srgb

LEAST_WEIGHT = 1e-3
"""Texels that all views together see with less weight count as unseen: 80 degrees from the nearest view."""

TEXELS_AT_ONCE = 1 << 18
MAX_SEEN_POINTS = 50_000
"""Unseen texels look for their neighbours among at most so many seen ones, evenly drawn."""

NEIGHBOURS = 8
FINEST = 1e-6
"""A pixel length so small that textures are read at full size."""


@dataclass(frozen=True)
class BakedMesh:
    """A mesh with its new texture, and how much of it the views have shown.

    seen: the share of the texels that a view sees, in [0, 1]; the rest is filled from the nearest ones.
    """

    mesh: Mesh
    seen: float


def bake_views(mesh: Mesh, corner_uv: np.ndarray, views: list[SurfaceView], side: int, inset_pixels: int = 0) -> BakedMesh:
    """Paint a mesh with what its views show.

    mesh: in the object frame of the views; its own materials say only how opaque it is. corner_uv: (F, 3, 2), an atlas in which no faces overlap.
    side: texels along a side of the new texture. inset_pixels: a view's outermost pixels, which a generated picture draws a little beside the
    true outline, count only where nothing else shows the surface. Raises ValueError when no view sees any of the mesh.
    """
    texels = texels_of(corner_uv, side)
    points, normals = _on_surface(mesh, texels)
    colours, seen = _blend(points, normals, [[_inset(view, inset_pixels) for view in views], views] if inset_pixels else [views])
    if not seen.any():
        raise ValueError("no view sees any of the surface: nothing can be painted")
    colours[~seen] = fill_from_nearest(points[seen], colours[seen], points[~seen])
    texture = np.zeros((side, side, 4), np.uint8)
    texture.reshape(-1, 4)[texels.place] = np.column_stack([np.rint(colours * 255.0), _opacity(mesh, texels)])
    material = _material(mesh, spread_over_gutters(texture, texels.place))
    painted = replace(with_corner_uv(mesh, corner_uv), vertex_colours=None, face_material=None, materials=(material,))
    return BakedMesh(painted, float(seen.mean()))


def bake_surface(mesh: Mesh, corner_uv: np.ndarray, source: Mesh, side: int) -> Mesh:
    """Paint a mesh with what the nearest point of another mesh of the same object looks like, opacity included.

    mesh, source: in the same frame. corner_uv: (F, 3, 2), an atlas of `mesh` in which no faces overlap. side: texels along a side of the texture.
    """
    texels, surface = texels_of(corner_uv, side), Surface(source)
    points, _ = _on_surface(mesh, texels)
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.core.Tensor.from_numpy(surface.vertices), o3d.core.Tensor.from_numpy(surface.faces))
    answer = scene.compute_closest_points(o3d.core.Tensor.from_numpy(points.astype(np.float32)))
    face, weights = answer["primitive_ids"].numpy().astype(np.int64), answer["primitive_uvs"].numpy().T
    hits = Hits(np.arange(len(face)), np.ones(len(face), np.float32), face, np.ascontiguousarray(weights))
    area = np.linalg.norm(np.cross(*(mesh.vertices[mesh.faces[:, i]] - mesh.vertices[mesh.faces[:, 0]] for i in (1, 2))), axis=1).sum() / 2.0
    colour = surface.base_colour(hits, -np.take(surface.flat_normals, face, axis=1), float(np.sqrt(area / max(len(face), 1))))
    texture = np.zeros((side, side, 4), np.uint8)
    texture.reshape(-1, 4)[texels.place] = np.column_stack([encode_srgb(colour[:3].T), np.rint(colour[3] * 255.0)])
    material = _material(source, spread_over_gutters(texture, texels.place))
    return replace(with_corner_uv(mesh, corner_uv), vertex_colours=None, face_material=None, materials=(material,))


def fill_from_nearest(seen: np.ndarray, colours: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Colours (M, 3) of unseen points (M, 3): the mean of the nearest seen points (N, 3), colours (N, 3), by inverse squared distance."""
    if not len(unseen):
        return np.zeros((0, 3))
    step = -(-len(seen) // MAX_SEEN_POINTS)
    seen, colours = seen[::step], colours[::step]
    distance, nearest = cKDTree(seen).query(unseen, k=min(NEIGHBOURS, len(seen)), workers=-1)
    distance, nearest = distance.reshape(len(unseen), -1), nearest.reshape(len(unseen), -1)
    weights = 1.0 / np.maximum(distance, 1e-6) ** 2
    return (weights[..., None] * colours[nearest]).sum(axis=1) / weights.sum(axis=1, keepdims=True)


def spread_over_gutters(texture: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Give every texel (S, S, 4) uint8 that lies on no chart the colour of the nearest one that does; place: (N,) flat indices of those."""
    empty = np.ones(texture.shape[:2], np.uint8)
    empty.reshape(-1)[place] = 0
    _, label = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    source = np.zeros(int(label.max()) + 1, np.int64)
    source[label.reshape(-1)[place]] = place
    return texture.reshape(-1, 4)[source[label]]


def _on_surface(mesh: Mesh, texels: Texels) -> tuple[np.ndarray, np.ndarray]:
    """Position and unit normal of the triangle at every texel, each (N, 3) float64."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    points = np.zeros((len(texels.face), 3))
    for corner in range(3):
        points += texels.barycentric[:, corner, None] * corners[texels.face, corner]
    return points, flat[texels.face]


def _inset(view: SurfaceView, pixels: int) -> SurfaceView:
    """The view without the outermost pixels of its object."""
    inner = cv2.erode(view.mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=pixels, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return replace(view, mask=inner.astype(bool))


def _blend(points: np.ndarray, normals: np.ndarray, choices: list[list[SurfaceView]]) -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) in [0, 1] and whether a view sees the texel, (N,) bool. choices: views by preference; the first that see a texel paint it.

    What no view sees from the side that the winding calls outside is looked for from the other: meshes do not agree on winding.
    """
    colours, seen = np.zeros((len(points), 3)), np.zeros(len(points), bool)
    for side, views in ((side, views) for side in (1.0, -1.0) for views in choices):
        left = np.flatnonzero(~seen)
        for start in range(0, len(left), TEXELS_AT_ONCE):
            some = left[start : start + TEXELS_AT_ONCE]
            colour, weights = blend_views(points[some], side * normals[some], views)
            enough = weights.sum(axis=1) >= LEAST_WEIGHT
            colours[some[enough]], seen[some[enough]] = colour[enough], True
    return colours, seen


def _opacity(mesh: Mesh, texels: Texels) -> np.ndarray:
    """The opacity that the mesh's own materials have at each texel, (N,) uint8."""
    surface = Surface(mesh)
    if not surface.see_through:
        return np.full(len(texels.face), 255, np.uint8)
    barycentric = np.ascontiguousarray(texels.barycentric[:, 1:].T, np.float32)
    hits = Hits(np.arange(len(texels.face)), np.ones(len(texels.face), np.float32), texels.face, barycentric)
    facing = -np.take(surface.flat_normals, texels.face, axis=1)
    return np.rint(surface.base_colour(hits, facing, FINEST)[3] * 255.0).astype(np.uint8)


def _material(mesh: Mesh, texture: np.ndarray) -> Material:
    """One material for the whole mesh: see-through as its own were, seen from both sides as the renders showed it."""
    if (texture[..., 3] == 255).all():
        return Material(texture=texture, wrap="clamp")
    blended = any(material.alpha_mode == "blend" for material in mesh.materials)
    return Material(texture=texture, wrap="clamp", alpha_mode="blend" if blended else "mask")
