"""Textures: every kind of picture decodes like Pillow says, broken ones are named, large ones shrink."""

import io

import numpy as np
import pytest
from PIL import Image

from data_specs.asset import Material, Mesh
from models.geometry.mesh_error import MeshError
from models.geometry.texture_image import decode_texture, encode_texture, limit_textures


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK"])
def test_pictures_of_every_mode_decode_like_pillow(mode: str) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    image = Image.fromarray(grey.astype(np.uint16) << 8) if mode == "I;16" else Image.fromarray(np.dstack([grey, 255 - grey, grey])).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    expected = np.dstack([grey, grey, grey, np.full_like(grey, 255)]) if mode == "I;16" else np.asarray(Image.open(buffer).convert("RGBA"))
    np.testing.assert_allclose(decode_texture(buffer.getvalue()).astype(int), expected.astype(int), atol=1)


def test_large_textures_shrink_and_keep_their_kind() -> None:
    big = np.zeros((64, 128, 4), np.uint8) + np.array([10, 20, 30, 255], np.uint8)
    jpeg = encode_texture(big, quality=95)
    mesh = Mesh(np.zeros((3, 3), np.float32), np.zeros((1, 3), np.int32), materials=(Material(texture=big, encoded=jpeg), Material(texture=big)))
    first, second = limit_textures(mesh, 32).materials
    assert first.texture.shape == second.texture.shape == (16, 32, 4)
    assert first.encoded[:2] == b"\xff\xd8"
    np.testing.assert_array_equal(decode_texture(first.encoded), first.texture)


@pytest.mark.parametrize("quality", [0, 90])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_a_cut_picture_is_no_half_texture(quality: int, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    data = encode_texture(noise, quality)
    with pytest.raises(MeshError) as caught:
        decode_texture(data[: int(len(data) * share)])
    assert caught.value.rule == "bad_texture"
