"""Cleaning and normalising, against small meshes whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from data_specs.asset import Material, Mesh
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import canonical, drop_invisible_faces, drop_unreferenced, fill_normals, normalise, turn_front, turn_up


def box() -> Mesh:
    made = trimesh.creation.box((4.0, 2.0, 1.0))
    return Mesh(np.asarray(made.vertices, np.float32), np.asarray(made.faces, np.int32))


def sphere(subdivisions: int = 3) -> Mesh:
    made = trimesh.creation.icosphere(subdivisions)
    return Mesh(np.asarray(made.vertices, np.float32), np.asarray(made.faces, np.int32))


def rule_of(mesh: Mesh) -> str:
    with pytest.raises(MeshError) as caught:
        canonical(mesh)
    return caught.value.rule


def test_normalise_and_the_way_back() -> None:
    source = replace(box(), vertices=box().vertices * 3 + np.float32([10, 20, 30]))
    mesh, scale, offset = normalise(source)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), [2.0, 1.0, 0.5], atol=1e-6)
    np.testing.assert_allclose(mesh.vertices.max(axis=0), -mesh.vertices.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(mesh.vertices * scale + offset, source.vertices, atol=1e-5)


def test_canonical_turns_z_up_so_that_minus_y_faces_front() -> None:
    mesh = replace(box(), vertices=box().vertices + np.float32([0, 0, 5]))
    clean = canonical(mesh, "z")
    np.testing.assert_allclose(np.ptp(clean.mesh.vertices, axis=0), [2.0, 0.5, 1.0], atol=1e-6)
    assert clean.source_from_object_offset == pytest.approx((0, 5, 0))
    turned = turn_up(Mesh(np.float32([[0, -1, 0], [0, 0, 1], [1, 0, 0]]), np.int32([[0, 1, 2]])), "z")
    np.testing.assert_array_equal(turned.vertices, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize(("front", "vector"), [("+z", (0, 0, 1)), ("-z", (0, 0, -1)), ("+x", (1, 0, 0)), ("-x", (-1, 0, 0))])
def test_what_faces_the_named_direction_faces_plus_z(front: str, vector: tuple) -> None:
    """A turn about Y: up stays up, and a right-handed triple stays one."""
    ahead, up = np.float32(vector), np.float32([0, 1, 0])
    mesh = Mesh(np.stack([ahead, up, np.cross(up, ahead)]), np.int32([[0, 1, 2]]), normals=np.stack([ahead, up, ahead]))
    turned = turn_front(mesh, front)
    np.testing.assert_array_equal(turned.vertices, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(turned.normals, [[0, 0, 1], [0, 1, 0], [0, 0, 1]])


def test_the_front_is_told_of_the_mesh_with_its_up_axis_turned() -> None:
    """Z up, facing +X: 4 wide along X, 2 along Y, 1 high. Turned, its length lies along Z, and the way back is told for the turned axes."""
    clean = canonical(replace(box(), vertices=box().vertices + np.float32([7, 0, 5])), "z", "+x")
    np.testing.assert_allclose(np.ptp(clean.mesh.vertices, axis=0), [1.0, 0.5, 2.0], atol=1e-6)
    assert clean.source_from_object_offset == pytest.approx((0, 5, 7))


@pytest.mark.parametrize(
    ("rule", "vertices", "faces"),
    [
        ("not_finite", [[0, 0, 0], [1, 0, 0], [0, np.nan, 0]], [[0, 1, 2]]),
        ("not_finite", [[0, 0, 0], [1, 0, 0], [0, np.inf, 0]], [[0, 1, 2]]),
        ("degenerate_extent", [[0, 0, 0]] * 3, [[0, 1, 2]]),
        ("degenerate_extent", [[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]]),
        ("no_faces", [[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 1], [2, 2, 2], [0, 0, 2]]),
        ("no_faces", [[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.zeros((0, 3))),
        ("index_out_of_range", [[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 3]]),
        ("index_out_of_range", [[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, -1]]),
    ],
)
def test_garbage_is_named(rule: str, vertices: list, faces: list) -> None:
    assert rule_of(Mesh(np.array(vertices, np.float32), np.array(faces, np.int32))) == rule


def test_degenerate_faces_and_unused_vertices_go_and_are_told() -> None:
    mesh = box()
    messy = replace(
        mesh,
        vertices=np.concatenate([mesh.vertices, np.float32([[np.nan] * 3, [900, 900, 900]])]),
        faces=np.concatenate([mesh.faces, np.int32([[0, 0, 1], [2, 3, 3]])]),
    )
    clean = canonical(messy)
    assert len(clean.mesh.faces) == 12 and clean.warnings == ["2 degenerate faces are dropped"]
    assert np.abs(clean.mesh.vertices).max() == 1.0


def test_drop_unreferenced_keeps_what_is_used_as_it_is() -> None:
    mesh = Mesh(
        np.arange(15, dtype=np.float32).reshape(5, 3),
        np.int32([[4, 2, 0]]),
        uv=np.arange(10, dtype=np.float32).reshape(5, 2),
        face_material=np.int32([1]),
        materials=(Material(), Material(factor=np.zeros(4, np.float32))),
    )
    found = drop_unreferenced(mesh)
    np.testing.assert_array_equal(found.vertices[found.faces], mesh.vertices[mesh.faces])
    np.testing.assert_array_equal(found.uv[found.faces], mesh.uv[mesh.faces])
    assert len(found.vertices) == 3 and found.materials == (mesh.materials[1],) and found.face_material.tolist() == [0]


def test_invisible_faces_go() -> None:
    hidden = Material(np.float32([1, 1, 1, 0]), alpha_mode="blend")
    mesh = replace(box(), face_material=np.arange(12, dtype=np.int32) % 2, materials=(Material(), hidden))
    assert len(drop_invisible_faces(mesh).faces) == 6


def test_normals_are_smooth_on_a_sphere_and_flat_on_a_box() -> None:
    ball = fill_normals(sphere())
    assert len(ball.vertices) == len(sphere().vertices)  # nothing was split
    cosine = (ball.normals * ball.vertices).sum(axis=1)
    assert np.degrees(np.arccos(cosine.min())) < 1.0  # faces of this sphere are 9 degrees across
    cube = fill_normals(box())
    assert len(cube.vertices) == 24
    np.testing.assert_array_equal(np.sort(np.abs(cube.normals), axis=1), np.tile([0, 0, 1], (24, 1)))


def test_normals_weigh_faces_by_angle() -> None:
    # A cube's corner whose squares are cut in two: by angle each side counts the same, whatever the diagonals are.
    cube = trimesh.creation.box((2.0, 2.0, 2.0))
    mesh = Mesh(np.asarray(cube.vertices, np.float32), np.asarray(cube.faces, np.int32))
    smooth = fill_normals(mesh, crease_degrees=180.0)
    np.testing.assert_allclose(smooth.normals, smooth.vertices / np.sqrt(3), atol=1e-6)


def test_a_seam_in_the_texture_is_no_crease() -> None:
    ball = sphere()
    apart = replace(ball, vertices=ball.vertices[ball.faces.reshape(-1)], faces=np.arange(ball.faces.size, dtype=np.int32).reshape(-1, 3))
    apart = replace(apart, uv=np.random.default_rng(0).random((len(apart.vertices), 2)).astype(np.float32))
    found = fill_normals(apart)
    np.testing.assert_array_equal(found.uv[found.faces], apart.uv[apart.faces])
    np.testing.assert_allclose((found.normals * found.vertices).sum(axis=1), 1.0, atol=2e-4)


def test_unusable_normals_are_replaced_and_good_ones_kept() -> None:
    ball = sphere(2)
    normals = np.tile(np.float32([[0, 1, 0]]), (len(ball.vertices), 1))
    normals[3], normals[5] = np.nan, 0.0
    found = fill_normals(replace(ball, normals=normals)).normals
    np.testing.assert_array_equal(np.delete(found, [3, 5], axis=0), np.delete(normals, [3, 5], axis=0))
    np.testing.assert_allclose((found[[3, 5]] * ball.vertices[[3, 5]]).sum(axis=1), 1.0, atol=1e-3)


def test_texture_coordinates_that_are_not_finite_are_repaired() -> None:
    uv = np.zeros((8, 2), np.float32)
    uv[2] = np.inf
    clean = canonical(replace(box(), uv=uv))
    assert np.isfinite(clean.mesh.uv).all() and "texture coordinates" in clean.warnings[0]
