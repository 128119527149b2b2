"""Symmetries of solids that are known."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from data_specs.asset import Mesh
from models.geometry.procedural import build_object
from models.geometry.symmetry import Symmetry, find_symmetry, has_mirror_symmetry, looks_the_same, rotation_angle
from models.renderers.open3d_cpu import Open3DRenderer


def solid(made: trimesh.Trimesh, turn: Rotation | None = None) -> Mesh:
    vertices = made.vertices if turn is None else turn.apply(made.vertices)
    return Mesh(vertices.astype(np.float32), made.faces.astype(np.int32))


def symmetry_of(mesh: Mesh, with_colour: bool = True) -> Symmetry:
    return find_symmetry(Open3DRenderer().load(mesh), with_colour)


@pytest.mark.parametrize(("extents", "count"), [((2.0, 1.4, 0.8), 4), ((2.0, 2.0, 0.8), 8), ((2.0, 2.0, 2.0), 24)])
def test_boxes(extents: tuple[float, float, float], count: int) -> None:
    found = symmetry_of(solid(trimesh.creation.box(extents)))
    assert len(found.rotations) == count and not len(found.axes) and not found.trivial
    assert np.array_equal(found.rotations[0], np.eye(3))


def test_a_turned_box_off_the_origin() -> None:
    """Its axes are those of inertia, and no axis of the frame."""
    box = trimesh.creation.box((2.0, 1.4, 0.8))
    box.apply_translation([0.3, -0.2, 0.1])
    found = symmetry_of(solid(box, Rotation.from_euler("xyz", [20, 35, 50], degrees=True)))
    assert len(found.rotations) == 4
    assert np.allclose(found.centre, Rotation.from_euler("xyz", [20, 35, 50], degrees=True).apply([0.3, -0.2, 0.1]), atol=1e-5)


def test_round_solids() -> None:
    cylinder = symmetry_of(solid(trimesh.creation.cylinder(0.5, 2.0, sections=64)))
    assert len(cylinder.axes) == 1 and abs(cylinder.axes[0, 2]) == pytest.approx(1.0)
    assert any(rotation[2, 2] < -0.99 for rotation in cylinder.rotations), "upside down it is the same"
    cone = symmetry_of(solid(trimesh.creation.cone(0.7, 1.5, sections=64)))
    assert len(cone.axes) == 1 and all(rotation[2, 2] > 0.99 for rotation in cone.rotations)
    assert len(symmetry_of(solid(trimesh.creation.icosphere(4))).axes) > 1


def test_all_rotations_are_a_group() -> None:
    rotations = symmetry_of(solid(trimesh.creation.box((1.0, 1.0, 1.0)))).rotations
    for product in (a @ b for a in rotations[:6] for b in rotations):
        assert min(rotation_angle(product.T @ one) for one in rotations) < 1e-6


def test_colour_breaks_a_symmetry() -> None:
    box = trimesh.creation.box((2.0, 1.4, 0.8))
    for _ in range(3):
        box = box.subdivide()
    mesh = solid(box)
    colours = np.ones((len(mesh.vertices), 4), np.float32)
    colours[mesh.vertices[:, 0] > 0.3, 1:3] = 0.0
    painted = Mesh(mesh.vertices, mesh.faces, vertex_colours=colours)
    assert len(symmetry_of(painted).rotations) == 2, "only the turn about x is left"
    assert len(symmetry_of(painted, with_colour=False).rotations) == 4


def test_objects_with_a_front_have_none() -> None:
    assert symmetry_of(build_object("chair", 3).smooth).trivial
    assert symmetry_of(build_object("teapot", 3).smooth).trivial


def test_mirror_images() -> None:
    """A box is its own mirror image, also turned off the axes; a screw of three boxes is not."""
    box = trimesh.creation.box((2.0, 1.4, 0.8))
    assert has_mirror_symmetry(Open3DRenderer().load(solid(box, Rotation.from_euler("xyz", [20, 35, 50], degrees=True))))
    arms = [trimesh.creation.box((1.2, 0.3, 0.3)), trimesh.creation.box((0.3, 1.0, 0.3)), trimesh.creation.box((0.3, 0.3, 0.8))]
    for arm, place in zip(arms, ((0.6, 0.0, 0.0), (1.2, 0.5, 0.0), (1.2, 1.0, 0.4))):
        arm.apply_translation(place)
    assert not has_mirror_symmetry(Open3DRenderer().load(solid(trimesh.util.concatenate(arms))))


def test_the_same_shape_with_other_colours_is_told_apart() -> None:
    one, other = (Open3DRenderer().load(build_object("mug", 3).detailed) for _ in range(2))
    assert looks_the_same(one, other)
    bare = build_object("mug", 3).detailed
    plain = Open3DRenderer().load(Mesh(bare.vertices, bare.faces, bare.normals))
    assert not looks_the_same(one, plain) and looks_the_same(one, plain, with_colour=False)
    assert not looks_the_same(one, Open3DRenderer().load(build_object("chair", 3).detailed), with_colour=False)
