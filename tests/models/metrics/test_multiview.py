"""Back-projection consistency where the answer is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_specs.asset import Mesh
from models.geometry.back_projection import SurfaceView
from models.geometry.camera_math import view_plan
from models.geometry.glb_reader import read_glb
from models.geometry.mesh_ops import canonical
from models.metrics.multiview import back_projection_consistency
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tests.models.geometry.surface_views import in_front, rings, sphere_views, stripes


def rendered_views(mesh: Mesh) -> list[SurfaceView]:
    """Pixels on the silhouette show the background too: they are no part of the mask."""
    renderer = Open3DRenderer()
    scene = renderer.load(mesh)
    views = []
    for _, camera in view_plan("orthogonal4", 256, 0):
        maps = renderer.render(scene, camera, UniformLight(), 16)
        mask = maps.mask & (maps.rgb[..., 3] == 255)
        views.append(SurfaceView(maps.rgb[..., :3] / 255.0, mask, maps.position.astype(np.float64), maps.normal.astype(np.float64), camera))
    return views


@pytest.mark.parametrize("size_pixels, floor", [(64, 45.0), (256, 60.0)])
def test_true_pictures_agree(size_pixels: int, floor: float) -> None:
    views = in_front(sphere_views(size_pixels, stripes, 0.4, (0.0, 0.0, 0.6)), sphere_views(size_pixels, rings, 0.5, (0.0, 0.0, -0.5)))
    result = back_projection_consistency(views)
    assert result.psnr > floor
    assert result.psnr_shared and result.psnr_shared > floor - 5.0
    assert result.ssim > 0.999


def test_views_of_different_objects_disagree() -> None:
    """Front and back of one object, left and right of another: at least 20 dB worse."""
    one, other = sphere_views(64, stripes), sphere_views(64, rings)
    mixed = [one[0], replace(one[1], rgb=other[1].rgb), one[2], replace(one[3], rgb=other[3].rgb)]
    truth, result = back_projection_consistency(one), back_projection_consistency(mixed)
    assert result.psnr < truth.psnr - 20.0
    assert result.psnr_shared and result.psnr_shared < result.psnr
    assert result.ssim < 0.95


def test_a_known_difference_gives_the_known_error() -> None:
    """Two equal views, one darker by 0.2: both come back in the middle, 0.1 away from each, which is 20 dB."""
    view = sphere_views(48)[0]
    light, dark = replace(view, rgb=np.full_like(view.rgb, 0.7)), replace(view, rgb=np.full_like(view.rgb, 0.5))
    result = back_projection_consistency([light, dark])
    assert result.psnr == pytest.approx(20.0, abs=1e-3)
    assert result.shared > 0.8


def test_without_a_second_view_nothing_can_disagree() -> None:
    result = back_projection_consistency(sphere_views(32)[:1])
    assert (result.psnr, result.psnr_shared, result.shared) == (100.0, None, 0.0)


def test_nothing_to_see_is_an_error() -> None:
    view = sphere_views(16)[0]
    with pytest.raises(ValueError, match="no view shows the object"):
        back_projection_consistency([replace(view, mask=np.zeros_like(view.mask))])


@pytest.mark.parametrize("name", ["avocado", "fox", "burger", "stand_mixer", "axe"])
def test_true_renders_of_real_meshes_agree(shared_data: Path, name: str) -> None:
    """Uniformly lit 256-pixel renders of textured meshes: above 35 dB; with two views of another object's colours at least 8 dB less."""
    mesh = canonical(read_glb((shared_data / "meshes" / f"{name}.glb").read_bytes())).mesh
    views = rendered_views(mesh)
    painted = [replace(view, rgb=stripes(view.position)) if v % 2 else view for v, view in enumerate(views)]
    assert back_projection_consistency(views).psnr > 35.0
    assert back_projection_consistency(painted).psnr < back_projection_consistency(views).psnr - 8.0


def test_the_distance_asked_for_compares_views_with_their_re_projections() -> None:
    view = sphere_views(32)[0]
    light, dark = replace(view, rgb=np.full_like(view.rgb, 0.7)), replace(view, rgb=np.full_like(view.rgb, 0.5))
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def distance(pictures: np.ndarray, again: np.ndarray) -> np.ndarray:
        seen.append((pictures, again))
        return np.array([1.0, 2.0])

    assert back_projection_consistency([light, dark], distance).perceptual == 1.5
    (pictures, again), inside = seen[0], view.mask
    assert pictures.shape == again.shape == (2, 32, 32, 3) and pictures.dtype == np.uint8
    np.testing.assert_allclose(pictures[:, inside].mean(axis=(1, 2)), [0.7 * 255, 0.5 * 255], atol=1.0)
    np.testing.assert_allclose(again[:, inside].mean(axis=(1, 2)), 0.6 * 255, atol=1.5)
    assert (pictures[:, ~inside] == 255).all() and (again[:, ~inside] == 255).all()
