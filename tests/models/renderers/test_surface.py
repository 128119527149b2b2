"""Colours and normals at hits, computed a second time by hand."""

import numpy as np
import pytest

from data_specs.asset import Material, Mesh
from models.renderers.rays import Hits
from models.renderers.surface import Surface
from tests.models.renderers.shapes import card

AHEAD = np.array([[0.0], [0.0], [-1.0]], np.float32)


def _hit(second: float, third: float, face: int = 0) -> Hits:
    return Hits(np.zeros(1, np.int64), np.ones(1, np.float32), np.full(1, face, np.int64), np.array([[second], [third]], np.float32))


def _triangle(**settings: object) -> Mesh:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    return Mesh(vertices, np.array([[0, 1, 2]], np.int32), **settings)  # type: ignore[arg-type]


def test_factor_texture_and_vertex_colour_multiply_in_linear_light() -> None:
    """sRGB 188 is linear 0.5029; red = factor 0.5 x 0.5029 x vertex colour 0.25 (weights 0.5, 0.25, 0.25)."""
    texture = np.full((2, 2, 4), 188, np.uint8)
    colours = np.array([[0, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]], np.float32)
    material = Material(np.array([0.5, 1, 1, 0.2], np.float32), texture)
    mesh = _triangle(uv=np.zeros((3, 2), np.float32), vertex_colours=colours, materials=(material,))
    found = Surface(mesh).base_colour(_hit(0.25, 0.25), AHEAD, 0.01)
    np.testing.assert_allclose(found[:, 0], [0.5 * 0.5029 * 0.25, 0.5029, 0.5029, 1.0], atol=2e-4)


@pytest.mark.parametrize(("mode", "alpha", "opacity"), [("opaque", 0.2, 1.0), ("blend", 0.2, 0.2), ("mask", 0.2, 0.0), ("mask", 0.6, 1.0)])
def test_opacity_follows_the_alpha_mode(mode: str, alpha: float, opacity: float) -> None:
    other = Material(alpha_mode="blend")
    material = Material(np.array([1, 1, 1, alpha], np.float32), alpha_mode=mode)  # type: ignore[arg-type]
    mesh = _triangle(materials=(material, other), face_material=np.zeros(1, np.int32))
    assert Surface(mesh).base_colour(_hit(0.2, 0.2), AHEAD, 0.01)[3, 0] == pytest.approx(opacity)


def test_texel_density_chooses_the_level() -> None:
    """64 texels over a side of 2 m, a sample 1 m wide: 32 texels, level 5; seen at 60 degrees half a level more."""
    texture = np.full((64, 64, 4), 255, np.uint8)
    surface = Surface(card(Material(texture=texture)))
    assert surface._level(_hit(0.3, 0.3), AHEAD, 1.0)[0] == pytest.approx(5.0, abs=1e-4)
    tilted = np.array([[np.sqrt(3)], [0], [-1.0]], np.float32) / 2
    assert surface._level(_hit(0.3, 0.3), tilted, 1.0)[0] == pytest.approx(5.5, abs=1e-4)


def test_normals_interpolate_face_the_viewer_and_never_look_away() -> None:
    normals = np.array([[0, 0, 1], [0.6, 0, 0.8], [0, 0, 1]], np.float32)
    surface = Surface(_triangle(normals=normals))
    smooth, flat = surface.shading_normals(_hit(0.5, 0.0), AHEAD)
    np.testing.assert_allclose(smooth[:, 0], np.array([0.3, 0, 0.9]) / np.hypot(0.3, 0.9), atol=1e-6)
    np.testing.assert_allclose(flat[:, 0], [0, 0, 1])
    behind, flat_behind = surface.shading_normals(_hit(0.5, 0.0), -AHEAD)
    np.testing.assert_allclose(behind, -smooth)
    np.testing.assert_allclose(flat_behind[:, 0], [0, 0, -1])
    grazing = np.array([[0.995], [0.0], [-0.1]], np.float32)
    turned, _ = surface.shading_normals(_hit(1.0, 0.0), grazing)
    assert float((turned * grazing).sum()) <= 1e-6 and np.linalg.norm(turned) == pytest.approx(1, abs=1e-5)
