"""A mesh, its mirror image, another side of it, and a picture that shows one of them."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, look_at
from models.geometry.mesh_ops import mirror_image
from models.geometry.procedural import build_object
from models.geometry.se3 import rigid
from models.perception.base import Picture, Pose, PoseProblem
from models.perception.render_and_compare import RenderAndCompare
from models.perception.rival_check import mirror_lead, rival_lead
from models.renderers.base import EnvironmentLight
from models.renderers.open3d_cpu import Open3DRenderer

CAMERA = Camera(Intrinsics.from_fov(192, 40.0), look_at(4.0 * direction_at(35.0, 20.0)))


def seen(category: str, seed: int, mirrored: bool = False) -> PoseProblem:
    """A picture of an object, and its mesh or the mirror image of its mesh."""
    mesh, renderer = build_object(category, seed).detailed, Open3DRenderer()
    maps = renderer.render(renderer.load(mesh), CAMERA, EnvironmentLight(4, rays=8), 4)
    picture = Picture(np.where(maps.rgb[..., 3:] > 127, maps.rgb[..., :3], 200).astype(np.uint8))
    return PoseProblem(picture, maps.mask, maps.depth, CAMERA.intrinsics, mirror_image(mesh) if mirrored else mesh)


def mirrored_lead(category: str, mirrored: bool) -> float | None:
    problem = seen(category, 3, mirrored)
    pose = RenderAndCompare().estimate([problem])[0]
    assert isinstance(pose, Pose)
    return mirror_lead(problem, pose)


def test_the_mesh_itself_leads_and_its_mirror_image_is_outdone() -> None:
    own, mirrored = mirrored_lead("house", False), mirrored_lead("house", True)
    assert own is not None and mirrored is not None
    assert own < -0.05 and mirrored > 0.05


def test_what_is_its_own_mirror_image_is_not_asked() -> None:
    assert mirrored_lead("rocket", True) is None


def test_the_true_pose_leads_and_another_side_is_outdone() -> None:
    problem, truth = seen("mug", 3), CAMERA.camera_from_world
    turned = truth @ rigid(Rotation.from_euler("y", 60.0, degrees=True).as_matrix(), np.zeros(3))
    right, wrong = rival_lead(problem, Pose(truth)), rival_lead(problem, Pose(turned))
    assert wrong is not None and wrong > 0.1
    assert right is None or right < -0.02
    found = RenderAndCompare().estimate([problem])[0]
    assert isinstance(found, Pose)
    assert rival_lead(problem, replace(found, camera_from_object=turned)) == wrong
