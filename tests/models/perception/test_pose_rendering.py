"""Quick views against the renderer's exact maps."""

import numpy as np

from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import look_at
from models.geometry.procedural import build_object
from models.perception.pose_rendering import coded, look
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer

K = Intrinsics(80, 60, 90.0, 95.0, 42.0, 29.0)


def test_a_view_is_what_the_renderer_draws() -> None:
    pose, renderer = look_at(np.array([1.5, 1.0, 3.5])), Open3DRenderer()
    scene = renderer.load(build_object("teapot", 1).detailed)
    view, maps = look(scene, pose, K, with_colour=True), renderer.render(scene, Camera(K, pose), UniformLight(), 1)
    assert np.count_nonzero(view.inside != maps.mask) <= 2
    both = np.flatnonzero((view.inside & maps.mask).reshape(-1))
    assert np.allclose(view.depth.reshape(-1)[both], maps.depth.reshape(-1)[both], atol=1e-4)
    rows = np.searchsorted(view.pixel, both)
    assert np.allclose(view.points[2, rows], maps.depth.reshape(-1)[both], atol=1e-4)
    assert np.median(np.abs(view.normals[:, rows].T - maps.normal.reshape(-1, 3)[both] @ pose[:3, :3].T)) < 1e-3
    assert view.base is not None
    assert np.median(np.abs(coded(view.base[:, rows].T) - maps.rgb.reshape(-1, 4)[both, :3] / 255.0)) < 0.02
    assert look(scene, pose, K).base is None
