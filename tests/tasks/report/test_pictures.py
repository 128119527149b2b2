"""Pictures in the page show what is stored."""

import base64
import io

import numpy as np
from PIL import Image

from tasks.report.pictures import GAP_PIXELS, data_uri, fit, opaque, show_geometry, strip


def opened(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition("base64,")[2]))))


def test_alpha_is_composited_on_white() -> None:
    rgba = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], np.uint8)
    np.testing.assert_array_equal(opaque(rgba)[0], [[200, 100, 0], [255, 255, 255], [244, 224, 204]])
    np.testing.assert_array_equal(opaque(rgba[..., :3]), rgba[..., :3])


def test_png_is_exact_and_jpeg_close() -> None:
    picture = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (1, 64, 3))
    np.testing.assert_array_equal(opened(data_uri(picture, quality=100)), picture)
    assert data_uri(picture).startswith("data:image/jpeg")
    assert np.abs(opened(data_uri(picture)).astype(int) - picture).max() < 8


def test_strip_scales_down_and_leaves_gaps() -> None:
    row = strip([np.zeros((100, 100, 3), np.uint8), np.zeros((30, 20, 3), np.uint8)], 50)
    assert row.shape == (50, 50 + GAP_PIXELS + 20, 3)
    assert (row[:, 50 : 50 + GAP_PIXELS] == 255).all() and (row[:30, -20:] == 0).all() and (row[30:, -20:] == 255).all()
    assert fit(row, 500) is row


def test_geometry_maps_become_visible() -> None:
    mask = np.array([[True, True, False]])
    depth = show_geometry(np.array([[1000, 3000, 0]], np.uint16), mask)
    assert depth[0, 0, 0] < depth[0, 1, 0] < 255 and (depth[0, 2] == 255).all()
    position = show_geometry(np.array([[[0, 32768, 65535]] * 3], np.uint16), mask)
    np.testing.assert_array_equal(position[0, 0], [0, 128, 255])
    assert (show_geometry(np.zeros((1, 3, 3), np.uint8), ~mask & mask) == 255).all()
