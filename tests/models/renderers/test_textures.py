"""Texture lookup against a scalar twin that knows nothing of mip levels or OpenCV."""

import numpy as np
import pytest

from data_specs.asset import Material
from models.renderers.textures import MipTexture, encode_srgb


def _decode(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _texel(texture: np.ndarray, column: int, row: int, wrap: str) -> np.ndarray:
    place = []
    for index, size in ((row, texture.shape[0]), (column, texture.shape[1])):
        if wrap == "repeat":
            index %= size
        elif wrap == "mirror":
            index %= 2 * size
            index = min(index, 2 * size - 1 - index)
        place.append(min(max(index, 0), size - 1))
    return np.array([_decode(float(v) / 255.0) for v in texture[place[0], place[1], :3]])


def _bilinear(texture: np.ndarray, u: float, v: float, wrap: str) -> np.ndarray:
    x, y = u * texture.shape[1] - 0.5, v * texture.shape[0] - 0.5
    column, row = int(np.floor(x)), int(np.floor(y))
    a, b = x - column, y - row
    top = (1 - a) * _texel(texture, column, row, wrap) + a * _texel(texture, column + 1, row, wrap)
    bottom = (1 - a) * _texel(texture, column, row + 1, wrap) + a * _texel(texture, column + 1, row + 1, wrap)
    return (1 - b) * top + b * bottom


@pytest.mark.parametrize("wrap", ["repeat", "clamp", "mirror"])
def test_full_size_level_is_bilinear_in_linear_light(wrap: str) -> None:
    """Within 1e-4 of linear light, which is the 16-bit rounding of texels and of OpenCV's weights."""
    rng = np.random.default_rng(1)
    texture = rng.integers(0, 256, (5, 7, 4), np.uint8)
    uv = rng.uniform(-1.7, 2.7, (200, 2)).astype(np.float32)
    found = MipTexture(Material(texture=texture, wrap=wrap)).sample(uv.T, np.zeros(200, np.float32))  # type: ignore[arg-type]
    truth = np.stack([_bilinear(texture, u, v, wrap) for u, v in uv.astype(float)])
    assert np.abs(found.T - truth).max() < 1e-4


def test_levels_average_light_and_blend_linearly() -> None:
    """Level 1 of black and white stripes is half of the light; level 0.5 lies halfway between the levels."""
    texture = np.full((8, 8, 4), 255, np.uint8)
    texture[:, ::2, :3] = 0
    mip = MipTexture(Material(texture=texture))
    uv = np.array([[0.1875], [0.5]], np.float32)  # the centre of a white texel
    levels = [float(mip.sample(uv, np.array([level], np.float32))[0, 0]) for level in (0.0, 0.5, 1.0, 3.0, 99.0)]
    np.testing.assert_allclose(levels, [1.0, 0.75, 0.5, 0.5, 0.5], atol=1e-4)


def test_transparent_texels_do_not_bleed() -> None:
    """A red texel beside an invisible green one: averaged, colour stays red and opacity is half (colour comes out times opacity)."""
    texture = np.zeros((2, 2, 4), np.uint8)
    texture[:, 0], texture[:, 1] = (255, 0, 0, 255), (0, 255, 0, 0)
    coarse = MipTexture(Material(texture=texture, alpha_mode="blend")).sample(np.array([[0.5], [0.5]], np.float32), np.ones(1, np.float32))
    np.testing.assert_allclose(coarse[:, 0], [0.5, 0, 0, 0.5], atol=1e-4)


def test_many_lookups_and_none() -> None:
    mip = MipTexture(Material(texture=np.full((3, 5, 4), 200, np.uint8)))
    assert mip.sample(np.zeros((2, 0), np.float32), np.zeros(0, np.float32)).shape == (3, 0)
    many = mip.sample(np.random.default_rng(0).random((2, 40_000), np.float32), np.linspace(0, 4, 40_000, dtype=np.float32))
    np.testing.assert_allclose(many, _decode(200 / 255), atol=1e-4)


def test_srgb_is_undone_by_its_inverse() -> None:
    codes = np.arange(256)
    assert np.array_equal(encode_srgb(np.array([_decode(c / 255) for c in codes])), codes)
    assert encode_srgb(np.array([-1.0, 2.0])).tolist() == [0, 255]


@pytest.mark.parametrize("texture", [None, np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 4), np.float32), np.zeros((0, 4, 4), np.uint8)])
def test_wrong_textures_are_refused(texture: np.ndarray | None) -> None:
    with pytest.raises(ValueError, match="texture"):
        MipTexture(Material(texture=texture))
