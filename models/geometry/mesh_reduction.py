"""Fewer faces, the same look: quadric decimation, new texture coordinates, and the texture carried over (SPEC F11)."""

import numpy as np
import open3d as o3d

from data_specs.asset import Material, Mesh
from models.geometry.mesh_ops import drop_degenerate_faces, drop_unreferenced, fill_normals
from models.geometry.texture_baking import bake_surface
from models.geometry.unwrapping import unwrap
from models.geometry.uv_atlas import triangle_atlas


def fit_mesh(mesh: Mesh, max_faces: int, texture_pixels: int) -> Mesh:
    """A canonical mesh of at most `max_faces` faces with texture coordinates and, unless it is plain, a texture.

    A mesh that has both already is returned as it is. Every other one gets charts by xatlas, or a triangle of its own for each face where that
    gives up, and a texture of `texture_pixels` along a side, read off the surface of the mesh that came. Raises MeshError `no_faces` when
    nothing is left, ValueError when the faces find no room in the texture.
    """
    if len(mesh.faces) <= max_faces and (mesh.uv is not None or _is_plain(mesh)):
        return mesh
    fewer = reduce_faces(mesh, max_faces) if len(mesh.faces) > max_faces else mesh
    return bake_surface(fewer, _atlas(fewer, texture_pixels), mesh, texture_pixels)


def reduce_faces(mesh: Mesh, max_faces: int) -> Mesh:
    """The shape alone with at most `max_faces` faces (Garland and Heckbert 1997, Open3D): no texture coordinates, colours or materials."""
    places, corner = np.unique(mesh.vertices + np.float32(0.0), axis=0, return_inverse=True)  # seams of the texture are no borders of the shape
    welded = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(places.astype(np.float64)), o3d.utility.Vector3iVector(corner.reshape(-1)[mesh.faces].astype(np.int32))
    )
    made = welded.simplify_quadric_decimation(max_faces)
    vertices = np.asarray(made.vertices).clip(mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)).astype(np.float32)
    shape = Mesh(vertices, np.asarray(made.triangles).astype(np.int32), materials=(Material(),))
    return fill_normals(drop_unreferenced(drop_degenerate_faces(shape)))


def _is_plain(mesh: Mesh) -> bool:
    """Whether the mesh looks the same all over: there is nothing that a texture could hold."""
    return mesh.vertex_colours is None and len(mesh.materials) == 1 and mesh.materials[0].texture is None


def _atlas(mesh: Mesh, side: int) -> np.ndarray:
    try:
        return unwrap(mesh.vertices, mesh.faces, side)
    except RuntimeError:  # xatlas has given up
        return triangle_atlas(len(mesh.faces), side)
