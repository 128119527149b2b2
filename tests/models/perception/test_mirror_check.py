"""A mesh, its mirror image, and a picture that shows the one or the other."""

import numpy as np

from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, look_at
from models.geometry.mesh_ops import mirror_image
from models.geometry.procedural import build_object
from models.metrics.embedder import open_embedder
from models.metrics.perceptual import MicroDistance
from models.perception.base import Picture, Pose, PoseProblem
from models.perception.mirror_check import mirror_lead
from models.perception.render_and_compare import RenderAndCompare
from models.renderers.base import EnvironmentLight
from models.renderers.open3d_cpu import Open3DRenderer

CAMERA = Camera(Intrinsics.from_fov(192, 40.0), look_at(4.0 * direction_at(35.0, 20.0)))


def lead(category: str, seed: int, mirrored: bool) -> float | None:
    mesh, renderer = build_object(category, seed).detailed, Open3DRenderer()
    maps = renderer.render(renderer.load(mesh), CAMERA, EnvironmentLight(4, rays=8), 4)
    picture = Picture(np.where(maps.rgb[..., 3:] > 127, maps.rgb[..., :3], 200).astype(np.uint8))
    problem = PoseProblem(picture, maps.mask, maps.depth, CAMERA.intrinsics, mirror_image(mesh) if mirrored else mesh)
    pose = RenderAndCompare().estimate([problem])[0]
    assert isinstance(pose, Pose)
    return mirror_lead(problem, pose.camera_from_object, MicroDistance(open_embedder("micro")))


def test_the_mesh_itself_leads_and_its_mirror_image_is_outdone() -> None:
    own, mirrored = lead("house", 3, False), lead("house", 3, True)
    assert own is not None and mirrored is not None
    assert own < -0.05 and mirrored > 0.05


def test_what_is_its_own_mirror_image_is_not_asked() -> None:
    assert lead("rocket", 3, True) is None
