"""A mesh, its mirror image, and pictures that show the one or the other."""

from dataclasses import replace

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, look_at
from models.geometry.procedural import build_object
from models.metrics.embedder import open_embedder
from models.metrics.mirror_test import mirror_lead
from models.metrics.perceptual import MicroDistance
from models.renderers.base import EnvironmentLight
from models.renderers.open3d_cpu import Open3DRenderer

CAMERA = Camera(Intrinsics.from_fov(192, 40.0), look_at(4.0 * direction_at(35.0, 20.0)))


def mirrored(mesh: Mesh) -> Mesh:
    signs = np.array([-1.0, 1.0, 1.0], np.float32)
    assert mesh.normals is not None
    return replace(mesh, vertices=mesh.vertices * signs, normals=mesh.normals * signs, faces=np.ascontiguousarray(mesh.faces[:, ::-1]))


def lead(category: str, mirror: bool) -> float:
    mesh, renderer = build_object(category, 3).detailed, Open3DRenderer()
    maps = renderer.render(renderer.load(mesh), CAMERA, EnvironmentLight(4, rays=8), 4)
    picture = np.where(maps.rgb[..., 3:] > 127, maps.rgb[..., :3], 200).astype(np.uint8)
    return mirror_lead(picture, maps.mask, mirrored(mesh) if mirror else mesh, CAMERA, MicroDistance(open_embedder("micro")))


def test_the_mesh_itself_leads_and_its_mirror_image_is_outdone() -> None:
    assert lead("mug", False) < 0.0
    assert lead("teapot", True) > 0.5


def test_a_symmetric_object_has_no_wrong_side() -> None:
    assert abs(lead("rocket", True)) < 0.05
