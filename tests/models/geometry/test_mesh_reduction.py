"""Meshes with fewer faces: the shape within a tolerance, the texture where it was."""

from dataclasses import replace

import numpy as np
import trimesh

from data_specs.asset import Material, Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, look_at
from models.geometry.glb_writer import write_glb
from models.geometry.mesh_reduction import fit_mesh, reduce_faces
from models.geometry.procedural import build_object
from models.geometry.uv_atlas import uv_fault
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tests.models.renderers.shapes import cube, sphere


def painted(subdivisions: int) -> Mesh:
    """A ball whose vertex colours are a smooth function of its points."""
    ball = sphere(subdivisions)
    return replace(ball, vertex_colours=np.column_stack([0.5 + 0.4 * ball.vertices, np.ones(len(ball.vertices))]).astype(np.float32))


def drawn(mesh: Mesh) -> np.ndarray:
    renderer = Open3DRenderer()
    camera = Camera(Intrinsics.from_fov(96, 45.0), look_at(direction_at(30.0, 25.0) * 4.0))
    return renderer.render(renderer.load(mesh), camera, UniformLight(), 4).rgb.astype(float)


def test_a_small_textured_mesh_is_left_alone() -> None:
    mesh = build_object("mug", 3).detailed
    assert fit_mesh(mesh, len(mesh.faces), 256) is mesh
    assert fit_mesh(cube(), 100, 256).uv is None


def test_a_ball_keeps_its_shape_and_closes() -> None:
    fewer = reduce_faces(sphere(5), 1200)
    assert 1000 < len(fewer.faces) <= 1200
    radius = np.linalg.norm(fewer.vertices, axis=1)
    assert radius.min() > 0.97 and radius.max() < 1.01
    assert trimesh.Trimesh(fewer.vertices, fewer.faces, process=True).is_watertight
    assert np.abs(np.linalg.norm(fewer.normals, axis=1) - 1.0).max() < 1e-5


def test_colours_become_a_texture_that_looks_the_same() -> None:
    ball = painted(5)
    made = fit_mesh(ball, 1500, 256)
    assert len(made.faces) <= 1500 and made.vertex_colours is None and made.materials[0].texture is not None
    assert uv_fault(made) == ""
    before, after = drawn(ball), drawn(made)
    inside = (before[..., 3] == 255) & (after[..., 3] == 255)
    assert inside.sum() > 0.95 * (before[..., 3] == 255).sum()
    assert np.abs(before - after)[inside][:, :3].mean() < 2.0


def test_a_procedural_object_loses_faces_and_not_its_looks() -> None:
    mesh = build_object("teapot", 4).detailed
    made = fit_mesh(mesh, len(mesh.faces) // 3, 512)
    assert len(made.faces) <= len(mesh.faces) // 3
    before, after = drawn(mesh), drawn(made)
    both, either = ((before[..., 3] > 127) & (after[..., 3] > 127)).sum(), ((before[..., 3] > 127) | (after[..., 3] > 127)).sum()
    assert both / either > 0.95
    inside = (before[..., 3] == 255) & (after[..., 3] == 255)
    assert np.abs(before - after)[inside][:, :3].mean() < 12.0


def test_materials_become_one_texture() -> None:
    box = cube()
    red, blue = (Material(np.array([*colour, 1.0], np.float32)) for colour in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    two = replace(box, materials=(red, blue), face_material=(np.arange(12) // 6).astype(np.int32))
    made = fit_mesh(two, 100, 128)
    texture = made.materials[0].texture
    assert texture is not None and len(made.materials) == 1
    colours = {tuple(texel) for texel in texture.reshape(-1, 4)}
    assert {(255, 0, 0, 255), (0, 0, 255, 255)} <= colours
    assert np.abs(drawn(two) - drawn(made)).mean() < 2.0


def test_the_same_mesh_gives_the_same_bytes() -> None:
    once, again = (write_glb(fit_mesh(painted(4), 800, 128)) for _ in range(2))
    assert once == again


def test_a_mesh_can_become_very_coarse() -> None:
    assert 0 < len(reduce_faces(sphere(2), 20).faces) <= 20
