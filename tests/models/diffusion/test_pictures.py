"""Pictures to tensors and back."""

import numpy as np
import torch

from models.diffusion.pictures import on_white, sheet, to_levels, to_pixels, to_tensor, to_uint8


def test_alpha_is_composited_on_white() -> None:
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 100, 255, 51]]], np.uint8)
    assert on_white(rgba).tolist() == [[[10, 20, 30], [255, 255, 255], [204, 224, 255]]]


def test_levels_of_pictures_with_alpha_lie_on_white() -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (2, 5, 6, 4)).astype(np.uint8)
    rgba[1, ..., 3] = 255
    colour, alpha = rgba[..., :3].astype(float), rgba[..., 3:] / 255.0
    expected = np.rint(colour * alpha + 255.0 * (1.0 - alpha)).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(to_levels(list(rgba)).numpy(), expected)


def test_eight_bits_survive_the_way_there_and_back() -> None:
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.array_equal(to_uint8(to_tensor(picture)), picture)


def test_the_whole_range_of_a_type_is_minus_one_to_one() -> None:
    for kind in (np.uint8, np.uint16):
        ends = to_tensor(np.array([[[0, 0, np.iinfo(kind).max]]], kind))
        assert ends.shape == (3, 1, 1) and ends.flatten().tolist() == [-1.0, -1.0, 1.0]


def test_values_outside_are_clipped() -> None:
    assert to_uint8(torch.tensor([-9.0, 0.0, 9.0]).view(1, 3, 1, 1)).tolist() == [[[[0, 128, 255]]]]


def test_sheet_lays_rows_below_each_other() -> None:
    rows = [np.full((2, 3, 4, 3), value, np.uint8) for value in (1, 2)]
    laid = sheet(rows)
    assert laid.shape == (6, 8, 3)
    assert (laid[:3] == 1).all() and (laid[3:] == 2).all()


def test_levels_keep_the_stored_type_and_pixels_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    for kind in (np.uint8, np.uint16):
        pictures = [rng.integers(0, np.iinfo(kind).max, (4, 5, 3)).astype(kind) for _ in range(2)]
        levels = to_levels(pictures)
        assert np.array_equal(levels.numpy(), np.stack(pictures).transpose(0, 3, 1, 2)) and levels.numpy().dtype == kind
        pixels = to_pixels(levels)
        expected = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float64) / np.iinfo(kind).max * 2 - 1
        np.testing.assert_allclose(pixels.numpy(), expected, rtol=0, atol=2e-7)
        assert to_pixels(pixels) is pixels
