"""Planted faults are faults, and only where they make a difference."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from data_specs.asset import Material, Mesh
from models.geometry.camera_math import look_at
from models.geometry.procedural import build_object
from models.geometry.se3 import rigid
from models.geometry.symmetry import looks_the_same
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.align.planted_faults import MESH_FAULTS, plant_in_mesh, plant_in_pose
from tasks.align.truth import pose_truth

POSE = rigid(np.eye(3), np.array([0.2, -0.1, 5.0]))


def object_of(category: str) -> Mesh:
    return build_object(category, 3).detailed


def solid(made: trimesh.Trimesh, colour: tuple[float, ...] = (0.6, 0.2, 0.1, 1.0)) -> Mesh:
    return Mesh(made.vertices.astype(np.float32), made.faces.astype(np.int32), materials=(Material(np.array(colour, np.float32)),))


@pytest.mark.parametrize("fault", MESH_FAULTS)
def test_a_cactus_can_be_wrong_in_every_way(fault: str) -> None:
    """Its arms and spots are not the same on both sides: the mirror image is another cactus."""
    mesh, renderer = object_of("cactus"), Open3DRenderer()
    for seed in range(3):
        made = plant_in_mesh(fault, mesh, [object_of("chair"), object_of("apple")], np.random.default_rng(seed))
        assert made is not None and not looks_the_same(renderer.load(mesh), renderer.load(made))
        if fault != "mirrored":
            assert looks_the_same(renderer.load(mesh), renderer.load(made), with_colour=False) == (fault == "wrong_texture")


def test_what_makes_no_difference_is_no_fault() -> None:
    box, ball = solid(trimesh.creation.box((2.0, 1.4, 0.8))), solid(trimesh.creation.icosphere(4))
    rng = np.random.default_rng(0)
    assert plant_in_mesh("mirrored", box, [ball], rng) is None
    assert plant_in_mesh("wrong_mesh", box, [box], rng) is None
    assert plant_in_mesh("wrong_texture", box, [ball], rng) is not None


def test_gray_things_get_a_colour() -> None:
    box = solid(trimesh.creation.box((2.0, 1.4, 0.8)), (0.5, 0.5, 0.5, 1.0))
    made = plant_in_mesh("wrong_texture", box, [box], np.random.default_rng(0))
    assert made is not None and np.ptp(made.materials[0].factor[:3]) > 0.1 and made.materials[0].factor[3] == 1.0


def test_what_the_picture_does_not_show_is_not_planted() -> None:
    """A blue nose on a box makes it another one than its mirror image, from the front and not from the back."""
    body, nose = trimesh.creation.box((2.0, 1.4, 0.8)), trimesh.creation.box((0.6, 0.6, 0.8))
    nose.apply_translation([0.6, 0.35, 0.8])
    bare, rng = solid(trimesh.util.concatenate([body, nose])), np.random.default_rng(0)
    colours = np.ones((len(bare.vertices), 4), np.float32)
    colours[len(body.vertices) :, :2] = 0.0
    mesh = replace(bare, vertex_colours=colours)
    front, back = (look_at(np.array([0.3, 0.2, z])) for z in (6.0, -6.0))
    assert plant_in_mesh("mirrored", mesh, [mesh], rng, front) is not None
    assert plant_in_mesh("mirrored", mesh, [mesh], rng) is not None and plant_in_mesh("mirrored", mesh, [mesh], rng, back) is None


def test_wrong_poses_are_wrong_whatever_the_symmetry() -> None:
    rng = np.random.default_rng(0)
    for mesh in (object_of("mug"), solid(trimesh.creation.cylinder(0.5, 2.0, sections=64)), solid(trimesh.creation.icosphere(4))):
        truth = pose_truth(mesh, POSE)
        assert truth.is_right(POSE)
        for _ in range(5):
            pose = plant_in_pose(truth, rng)
            assert pose is not None and not truth.is_right(pose)


def test_a_round_thing_turned_about_its_axis_is_right() -> None:
    truth = pose_truth(solid(trimesh.creation.cylinder(0.5, 2.0, sections=64)), POSE)
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert truth.is_right(POSE @ rigid(quarter, np.zeros(3)))
    assert truth.errors(POSE @ rigid(quarter.T[[2, 0, 1]], np.zeros(3)))[1] > 80.0
    assert not truth.is_right(rigid(np.eye(3), np.array([0.5, 0.0, 0.0])) @ POSE)
