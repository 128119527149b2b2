"""The codec against other readers, and what it refuses."""

import io
import json
import struct
import zlib

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from models import image_codec
from models.image_codec import decode_image, decode_member, encode_png


def _noise(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (6, 3, 3), (4, 9, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_round_trip_is_exact(shape: tuple[int, ...], dtype: type) -> None:
    pixels = _noise(shape, dtype)
    decoded = decode_image(encode_png(pixels))
    assert decoded.dtype == dtype and np.array_equal(decoded, pixels)
    assert encode_png(pixels) == encode_png(pixels.copy())


@pytest.mark.parametrize("shape", [(1, 5), (6, 3, 3), (4, 9, 4), (37, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_own_png_is_read_without_libpng_and_alike(shape: tuple[int, ...], dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_png(_noise(shape, dtype))
    expected = imagecodecs.png_decode(data)
    monkeypatch.setattr(image_codec.imagecodecs, "png_decode", lambda _: pytest.fail("libpng was asked"))
    np.testing.assert_array_equal(image_codec.decode_png(data), expected)


@pytest.mark.parametrize("transparency", [None, 9])
def test_gray_with_alpha_is_read_as_rgba(transparency: int | None) -> None:
    image = Image.new("LA", (5, 4), (9, 100)) if transparency is None else Image.new("L", (5, 4), 9)
    data = io.BytesIO()
    image.save(data, "PNG", **({} if transparency is None else {"transparency": transparency}))
    decoded = decode_image(data.getvalue())
    assert decoded.shape == (4, 5, 4) and decoded.dtype == np.uint8
    assert (decoded == [9, 9, 9, 100 if transparency is None else 0]).all()


@pytest.mark.parametrize("change", ["other filters", "interlaced", "two bodies", "checksum", "one row too many"])
def test_any_other_png_is_left_to_libpng(change: str) -> None:
    pixels = _noise((9, 7, 3), np.uint8)
    data = encode_png(pixels)
    if change == "other filters":
        data = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH])[1].tobytes()
    elif change == "two bodies":
        body = data[41:-16]
        parts = b"".join(image_codec._chunk(b"IDAT", part) for part in (body[:20], body[20:]))
        data = data[:33] + parts + data[-12:]
    elif change == "interlaced":
        data = _png(data[16:28] + b"\x01", data[41:-16])
    elif change == "checksum":
        data = data[:-16] + bytes([data[-16] ^ 1]) + data[-15:]
    else:
        data = _png(data[16:20] + struct.pack(">I", 8) + data[24:29], data[41:-16])
    assert image_codec._decode_up(data) is None
    if change in ("other filters", "two bodies"):
        assert np.array_equal(decode_image(data), pixels)


def _png(header: bytes, body: bytes) -> bytes:
    return b"".join([image_codec.PNG_SIGNATURE, *(image_codec._chunk(*part) for part in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b"")))])


def test_other_readers_see_the_same_picture() -> None:
    rgba, deep = _noise((8, 6, 4), np.uint8), _noise((8, 6), np.uint16)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(rgba)))), rgba)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(deep)))), deep)
    deep_rgb = _noise((8, 6, 3), np.uint16)
    read = cv2.imdecode(np.frombuffer(encode_png(deep_rgb), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read[..., ::-1], deep_rgb)


@pytest.mark.parametrize("pixels", [np.zeros((2, 2), np.float32), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 3), np.uint8), np.zeros(4, np.uint8)])
def test_what_png_cannot_hold_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="PNG"):
        encode_png(pixels)


@pytest.mark.parametrize("keep", [0, 8, 40, -20])
def test_truncated_images_are_refused(keep: int) -> None:
    with pytest.raises(ValueError, match="image"):
        decode_image(encode_png(_noise((16, 16, 3), np.uint8))[:keep])


def test_a_flipped_bit_is_noticed() -> None:
    data = bytearray(encode_png(_noise((16, 16, 3), np.uint8)))
    data[len(data) // 2] ^= 16
    with pytest.raises(ValueError, match="damaged"):
        decode_image(bytes(data))


def with_chunk(kind: bytes, body: bytes) -> bytes:
    """Another tool's PNG with a chunk before its pixels."""
    data = cv2.imencode(".png", _noise((16, 16, 3), np.uint8))[1].tobytes()
    return data[:33] + struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))) + data[33:]


def jpeg(mode: str = "RGB") -> bytes:
    data = io.BytesIO()
    Image.fromarray(_noise((40, 50, 3), np.uint8)).convert(mode).save(data, "JPEG")
    return data.getvalue()


ODD = {
    "profile": with_chunk(b"iCCP", b"ICC\0\0" + zlib.compress(b"no profile")),
    "text": with_chunk(b"tEXt", b"\xff"),
    "clear colour": with_chunk(b"tRNS", bytes(40)),
    "JPEG with something between": jpeg()[:-2] + b"abcdef" + jpeg()[-2:],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_are_read_in_silence(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    found = decode_image(ODD[name])
    assert capfd.readouterr() == ("", "")
    with Image.open(io.BytesIO(ODD[name])) as image:
        np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")))


def test_a_clear_colour_that_counts_stays() -> None:
    palette, data = Image.fromarray(_noise((9, 9, 3), np.uint8)).quantize(8), io.BytesIO()
    palette.save(data, "PNG", transparency=3)
    with Image.open(io.BytesIO(data.getvalue())) as image:
        np.testing.assert_array_equal(decode_image(data.getvalue()), np.asarray(image.convert("RGBA")))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_are_what_opencv_sees(mode: str) -> None:
    seen = cv2.imdecode(np.frombuffer(jpeg(mode), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decode_image(jpeg(mode)), seen if seen.ndim == 2 else seen[..., ::-1])
    with pytest.raises(ValueError, match=r"^damaged .*image"):
        decode_image(jpeg(mode)[:-300])


def test_the_message_on_a_damaged_picture_is_the_same_in_every_run() -> None:
    data = bytearray(encode_png(_noise((16, 16, 3), np.uint8)))
    data[40] = 0xFF
    with pytest.raises(ValueError, match=rf"^damaged PNG image \({len(data)} bytes\)$"):
        decode_image(bytes(data))


def test_large_images_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_png(np.zeros((40, 50), np.uint8))
    monkeypatch.setattr(image_codec, "MAX_PIXELS", 1999)
    monkeypatch.setattr(image_codec.cv2, "imdecode", lambda *_: pytest.fail("the image was decoded"))
    with pytest.raises(ValueError, match="50 x 40"):
        decode_image(data)


def test_members_are_decoded_by_their_ending() -> None:
    pixels = _noise((3, 3, 3), np.uint8)
    assert np.array_equal(decode_member("front.rgb.png", encode_png(pixels)), pixels)
    assert decode_member("views.json", json.dumps({"a": [1]}).encode()) == {"a": [1]}
    jpeg = cv2.imencode(".jpg", np.full((8, 8, 3), (0, 0, 255), np.uint8))[1].tobytes()
    assert decode_member("preview.jpg", jpeg)[4, 4, 0] > 240, "red comes first"


@pytest.mark.parametrize(("field", "data"), [("mesh.glb", b"glTF"), ("views.json", b"{"), ("views.json", b"[" * 100000), ("a.rgb.png", b"{}")])
def test_undecodable_members_name_themselves(field: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=field):
        decode_member(field, data)


def test_the_message_on_another_format_is_the_same_in_every_run() -> None:
    """It ends in ledgers, whose bytes must not differ between runs: no memory address."""
    with pytest.raises(ValueError, match=r"^not a readable PNG, JPEG or WebP image \(10 bytes\): its header is of none of them$"):
        decode_image(b"no picture")
