"""Operations on meshes: drop what is degenerate, turn the up axis, shading normals, the canonical object frame, checks."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from data_specs.asset import Front, Mesh, UpAxis
from data_specs.conventions import OBJECT_HALF_SIDE
from models.geometry.mesh_error import MeshError

DEGENERATE_AREA = 1e-13
"""Faces with less area than this share of the squared longest side have no direction that float32 positions could give."""
CREASE_DEGREES = 40.0
"""Computed shading normals are smooth across edges up to this angle."""
MAX_ROUND_FACES = 128
"""Around a vertex with more faces than this, creases are not looked for: the work grows with the square."""


class ReadMesh(NamedTuple):
    """A mesh in its file's units and axes, and what was left out or repaired on the way."""

    mesh: Mesh
    warnings: list[str]


@dataclass(frozen=True)
class CanonicalMesh:
    """A checked mesh in the canonical object frame, and the way back to the source file's units.

    source = object * source_from_object_scale + source_from_object_offset, after the source's up axis was turned to Y and its front to +Z.
    """

    mesh: Mesh
    source_from_object_scale: float
    source_from_object_offset: tuple[float, float, float]
    warnings: list[str]


def canonical(mesh: Mesh, up_axis: UpAxis = "y", front: Front = "+z") -> CanonicalMesh:
    """Clean a mesh as it was read and bring it into the canonical object frame: Y up, facing +Z, centred, longest side 2.

    front: where the object faces once its up axis is Y.
    Raises MeshError: `index_out_of_range`, `not_finite`, `no_faces`, `degenerate_extent`.
    """
    check_arrays(mesh)
    mesh = drop_unreferenced(drop_invisible_faces(mesh))
    check_positions(mesh)
    solid = drop_unreferenced(drop_degenerate_faces(mesh))
    warnings = [] if len(solid.faces) == len(mesh.faces) else [f"{len(mesh.faces) - len(solid.faces)} degenerate faces are dropped"]
    if solid.uv is not None and not np.isfinite(solid.uv).all():
        solid = replace(solid, uv=np.nan_to_num(solid.uv, nan=0.0, posinf=0.0, neginf=0.0))
        warnings.append("texture coordinates that are not finite are set to 0")
    solid = fill_normals(turn_front(turn_up(solid, up_axis), front))
    centred, scale, offset = normalise(solid)
    return CanonicalMesh(centred, scale, offset, warnings)


def check_arrays(mesh: Mesh) -> None:
    """Raise MeshError unless there are faces, all indices point at vertices and materials, and all arrays have one row per vertex."""
    vertices = len(mesh.vertices)
    if not len(mesh.faces):
        raise MeshError("no_faces", "the mesh has no faces")
    if int(mesh.faces.min()) < 0 or int(mesh.faces.max()) >= vertices:
        raise MeshError("index_out_of_range", f"a face uses vertex {int(mesh.faces.max())} of {vertices}")
    for name in ("normals", "uv", "vertex_colours"):
        values = getattr(mesh, name)
        if values is not None and len(values) != vertices:
            raise MeshError("bad_accessor", f"{name} has {len(values)} rows for {vertices} vertices")
    places = mesh.face_material
    if places is not None and (len(places) != len(mesh.faces) or int(places.min()) < 0 or int(places.max()) >= len(mesh.materials)):
        raise MeshError("index_out_of_range", f"face materials do not fit {len(mesh.faces)} faces and {len(mesh.materials)} materials")


def check_positions(mesh: Mesh) -> None:
    """Raise MeshError when a position is NaN or infinite, or the mesh is a point or a line (as badly decoded data is)."""
    finite = np.isfinite(mesh.vertices).all(axis=1)
    if not finite.all():
        raise MeshError("not_finite", f"{int((~finite).sum())} of {len(finite)} vertices are not finite")
    sides = np.sort(np.ptp(mesh.vertices.astype(np.float64), axis=0))[::-1] if len(mesh.vertices) else np.zeros(3)
    if not sides[0] > 0 or sides[1] <= 1e-9 * sides[0]:
        raise MeshError("degenerate_extent", f"the mesh's sides are {sides[0]:.3g} x {sides[1]:.3g} x {sides[2]:.3g}: a point or a line")


def drop_invisible_faces(mesh: Mesh) -> Mesh:
    """Remove faces whose material can never be seen: mask or blend with an alpha factor of 0."""
    hidden = np.array([m.alpha_mode != "opaque" and float(m.factor[3]) <= 1e-6 for m in mesh.materials])
    if mesh.face_material is None or not hidden.any():
        return mesh
    return _keep_faces(mesh, ~hidden[mesh.face_material])


def drop_degenerate_faces(mesh: Mesh) -> Mesh:
    """Remove faces without area; raises MeshError `no_faces` when none is left."""
    longest = float(np.ptp(mesh.vertices.astype(np.float64), axis=0).max())
    doubled = np.linalg.norm(_face_normals(mesh), axis=1)
    kept = doubled > 2 * DEGENERATE_AREA * longest**2
    return mesh if kept.all() else _keep_faces(mesh, kept)


def _keep_faces(mesh: Mesh, kept: np.ndarray) -> Mesh:
    if not kept.any():
        raise MeshError("no_faces", "no face of the mesh has an area that can be seen")
    return replace(mesh, faces=mesh.faces[kept], face_material=None if mesh.face_material is None else mesh.face_material[kept])


def drop_unreferenced(mesh: Mesh) -> Mesh:
    """Remove vertices that no face uses and materials that no face has; the order of what stays is kept."""
    used = np.zeros(len(mesh.vertices), bool)
    used[mesh.faces] = True
    if not used.all():
        renumbered = np.cumsum(used, dtype=np.int32) - 1
        mesh = replace(_take_vertices(mesh, np.flatnonzero(used)), faces=renumbered[mesh.faces].astype(np.int32))
    if mesh.face_material is None:
        return mesh
    places = np.unique(mesh.face_material)
    if len(places) == len(mesh.materials):
        return mesh
    materials = tuple(mesh.materials[place] for place in places)
    return replace(mesh, materials=materials, face_material=np.searchsorted(places, mesh.face_material).astype(np.int32))


def _take_vertices(mesh: Mesh, rows: np.ndarray) -> Mesh:
    names = ("normals", "uv", "vertex_colours")
    rest = {name: getattr(mesh, name)[rows] for name in names if getattr(mesh, name) is not None}
    return replace(mesh, vertices=mesh.vertices[rows], **rest)


def turn_up(mesh: Mesh, up_axis: UpAxis) -> Mesh:
    """Turn a Z-up mesh to Y-up by -90 degrees about X, (x, y, z) -> (x, z, -y): what faced -Y then faces +Z, the front."""
    if up_axis == "y":
        return mesh
    normals = None if mesh.normals is None else _z_to_y(mesh.normals)
    return replace(mesh, vertices=_z_to_y(mesh.vertices), normals=normals)


def _z_to_y(vectors: np.ndarray) -> np.ndarray:
    return np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1)


def turn_front(mesh: Mesh, front: Front) -> Mesh:
    """Turn a Y-up mesh about Y so that what faced `front` faces +Z."""
    if front == "+z":
        return mesh
    cosine, sine = {"-z": (-1, 0), "+x": (0, 1), "-x": (0, -1)}[front]
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]], np.float32)
    normals = None if mesh.normals is None else mesh.normals @ turn
    return replace(mesh, vertices=mesh.vertices @ turn, normals=normals)


def mirror_image(mesh: Mesh) -> Mesh:
    """A mesh with left and right exchanged: x changes its sign, and faces their order, so that the outside stays outside."""
    signs = np.array([-1.0, 1.0, 1.0], np.float32)
    normals = None if mesh.normals is None else mesh.normals * signs
    return replace(mesh, vertices=mesh.vertices * signs, normals=normals, faces=np.ascontiguousarray(mesh.faces[:, ::-1]))


def normalise(mesh: Mesh) -> tuple[Mesh, float, tuple[float, float, float]]:
    """Centre the bounding box and scale the longest side to 2.

    Returns the mesh, and scale and offset with source = object * scale + offset.
    """
    low, high = mesh.vertices.min(axis=0).astype(np.float64), mesh.vertices.max(axis=0).astype(np.float64)
    offset = (low + high) / 2.0
    scale = float((high - low).max()) / (2.0 * OBJECT_HALF_SIDE)
    vertices = ((mesh.vertices - offset) / scale).clip(-OBJECT_HALF_SIDE, OBJECT_HALF_SIDE).astype(np.float32)
    return replace(mesh, vertices=vertices), scale, (float(offset[0]), float(offset[1]), float(offset[2]))


def fill_normals(mesh: Mesh, crease_degrees: float = CREASE_DEGREES) -> Mesh:
    """Give every vertex a unit shading normal; those of the file are kept where they are usable.

    Missing ones are means of the faces around a position, weighted by their angle there, over faces that meet at less than
    `crease_degrees`; vertices on a crease are split. Texture coordinates and colours go along unchanged.
    """
    if mesh.normals is None:
        return _split_at_creases(mesh, crease_degrees)
    lengths = np.linalg.norm(mesh.normals, axis=1)
    usable = np.isfinite(lengths) & (np.abs(lengths - 1.0) < 0.1)
    if usable.all():
        return replace(mesh, normals=(mesh.normals / lengths[:, None]).astype(np.float32))
    if not usable.any():
        return _split_at_creases(replace(mesh, normals=None), crease_degrees)
    normals = np.where(usable[:, None], mesh.normals / np.maximum(lengths, 0.1)[:, None], _smooth_normals(mesh))
    return replace(mesh, normals=normals.astype(np.float32))


def _face_normals(mesh: Mesh) -> np.ndarray:
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _corner_angles(mesh: Mesh) -> np.ndarray:
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    ahead = _directions(np.roll(corners, -1, axis=1) - corners)
    behind = np.roll(-ahead, 1, axis=1)
    return np.arccos(np.clip((ahead * behind).sum(axis=2), -1.0, 1.0))


def _directions(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-300)


def _positions_of(mesh: Mesh) -> np.ndarray:
    """Vertex -> number of its position: vertices at the same place (a texture seam) share one."""
    rows = np.ascontiguousarray(mesh.vertices + np.float32(0.0)).view([("", np.float32)] * 3)[:, 0]
    return np.unique(rows, return_inverse=True)[1].reshape(-1)


def _smooth_normals(mesh: Mesh) -> np.ndarray:
    position, flat = _positions_of(mesh), _directions(_face_normals(mesh))
    sums = np.zeros((int(position.max()) + 1, 3))
    angles = _corner_angles(mesh)
    for corner in range(3):
        np.add.at(sums, position[mesh.faces[:, corner]], flat * angles[:, corner, None])
    return _directions(sums)[position]


def _split_at_creases(mesh: Mesh, crease_degrees: float) -> Mesh:
    normals = _corner_normals(mesh, np.cos(np.radians(crease_degrees))).astype(np.float32)
    vertex = mesh.faces.reshape(-1)
    if mesh.uv is None and mesh.vertex_colours is None:  # nothing but the position tells two vertices apart: join them
        position = _positions_of(mesh)
        vertex = np.unique(position, return_index=True)[1][position][vertex]
    keys = np.concatenate([vertex[:, None], np.rint(normals * 4096).astype(np.int32)], axis=1).astype(np.int32)
    rows = np.ascontiguousarray(keys).view([("", np.int32)] * 4)[:, 0]
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    split = _take_vertices(mesh, vertex[first])
    return replace(split, normals=normals[first], faces=inverse.reshape(-1, 3).astype(np.int32))


def _corner_normals(mesh: Mesh, cosine: float) -> np.ndarray:
    """(3F, 3) float64: for each corner the angle-weighted mean of the faces around its position that lie within the crease angle."""
    flat, weights = np.repeat(_directions(_face_normals(mesh)), 3, axis=0), _corner_angles(mesh).reshape(-1)
    position = _positions_of(mesh)[mesh.faces.reshape(-1)]
    order = np.argsort(position, kind="stable")
    starts = np.flatnonzero(np.diff(position[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    start, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    sums = np.zeros((len(order), 3))
    for step in range(min(int(sizes.max()), MAX_ROUND_FACES)):
        here = np.flatnonzero(size > step)
        mine = order[here]
        other = order[start[here] + (here - start[here] + step) % size[here]]
        near = (flat[mine] * flat[other]).sum(axis=1) >= cosine
        sums[mine[near]] += flat[other[near]] * weights[other[near], None]
    return _directions(sums)
