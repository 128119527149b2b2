"""Small meshes whose true geometry is known, and a slow, obvious ray caster."""

from functools import cache

import numpy as np
import trimesh

from data_specs.asset import Material, Mesh


@cache
def sphere(subdivisions: int) -> Mesh:
    """A unit sphere with exact vertex normals; 7 subdivisions stay within 2e-5 of the true surface."""
    ball = trimesh.creation.icosphere(subdivisions)
    vertices = np.asarray(ball.vertices, np.float32)
    return Mesh(vertices, np.asarray(ball.faces, np.int32), normals=vertices)


def cube(half_side: float = 1.0) -> Mesh:
    """The box [-half_side, half_side]^3, flat-shaded."""
    box = trimesh.creation.box([2 * half_side] * 3)
    return Mesh(np.asarray(box.vertices, np.float32), np.asarray(box.faces, np.int32))


def card(material: Material, z: float = 0.0, half_side: float = 1.0) -> Mesh:
    """A square that faces +Z, its texture upright: uv (0, 0) at the top left."""
    vertices = np.array([[-1, 1, 0], [1, 1, 0], [1, -1, 0], [-1, -1, 0]], np.float32) * half_side + [0, 0, z]
    faces = np.array([[0, 3, 2], [0, 2, 1]], np.int32)
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    return Mesh(vertices.astype(np.float32), faces, uv=uv, materials=(material,))


def join(*meshes: Mesh) -> Mesh:
    """Several cards as one mesh, each with its own material."""
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + start for m, start in zip(meshes, starts)]).astype(np.int32),
        uv=np.concatenate([m.uv for m in meshes if m.uv is not None]),
        face_material=np.concatenate([np.full(len(m.faces), i) for i, m in enumerate(meshes)]).astype(np.int32),
        materials=tuple(m.materials[0] for m in meshes),
    )


def first_hits(mesh: Mesh, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance (M,) (infinite where nothing is hit) and face (M,) by trying every triangle, in float64 (Moeller and Trumbore)."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    nearest, face = np.full(len(directions), np.inf), np.full(len(directions), -1)
    for i, (a, b, c) in enumerate(corners):
        p = np.cross(directions, c - a)
        determinant = p @ (b - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = p @ (origin - a) / determinant
            q = np.cross(origin - a, b - a)
            v, t = directions @ q / determinant, (c - a) @ q / determinant
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0) & (t < nearest)
        nearest[hit], face[hit] = t[hit], i
    return nearest, face
