"""Lossless PNG for every map, and the one decoder of shard members.

Measured on 512 x 512 maps of real meshes (`tests/benchmarks/render.py` repeats it): the Up filter with libdeflate at level 6 is as fast as
OpenCV's fastest PNG setting and a fifth smaller. Level 8 takes twice the time for 1.5 %, the Paeth filter twice for 3 %; JPEG XL is three
times as fast at the same size, but fewer tools open it. Every PNG reader opens what is written here; `decode_png` reads it 3 to 10 times as fast
as libpng does.
"""

import io
import json
import math
import struct
import zlib
from itertools import pairwise
from typing import Any

import cv2
import imagecodecs
import numpy as np
import safetensors.numpy
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError

MAX_PIXELS = 64 * 1024 * 1024
"""Larger images are refused before they are decoded."""

MAX_JSON_BYTES = 64 * 1024 * 1024

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
JPEG_START = b"\xff\xd8\xff"
PNG_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
_CHANNELS = {colour_type: channels for channels, colour_type in PNG_COLOUR_TYPES.items()}
FILTER_UP, LEVEL = 2, 6
IMAGE_FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"}
TO_RGB = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}


def encode_png(pixels: np.ndarray) -> bytes:
    """Encode an image losslessly; the same pixels give the same bytes.

    pixels: (H, W), (H, W, 3) or (H, W, 4) uint8 or uint16, gray, RGB or RGBA. Raises ValueError for anything else.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1]
    if pixels.ndim not in (2, 3) or channels not in PNG_COLOUR_TYPES or pixels.dtype not in (np.uint8, np.uint16) or not pixels.size:
        raise ValueError(f"cannot store an array of shape {pixels.shape} and type {pixels.dtype} as PNG")
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, PNG_COLOUR_TYPES[channels], 0, 0, 0)
    body = bytes(imagecodecs.deflate_encode(_filter_up(pixels), level=LEVEL))
    return PNG_SIGNATURE + _chunk(b"IHDR", header) + struct.pack(">I", len(body)) + b"IDAT" + body + _ending(body)


def _filter_up(pixels: np.ndarray) -> bytearray:
    """PNG scan lines: a filter byte, then each byte less the one above it. Smooth maps become runs of small numbers."""
    big_endian = np.ascontiguousarray(pixels if pixels.itemsize == 1 else pixels.byteswap())
    rows = big_endian.view(np.uint8).reshape(len(pixels), -1)
    scan_lines = bytearray(rows.shape[0] * (rows.shape[1] + 1))
    lines = np.frombuffer(scan_lines, np.uint8).reshape(rows.shape[0], -1)
    lines[:, 0] = FILTER_UP
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    return scan_lines


def _ending(body: bytes) -> bytes:
    """What follows the body of the one IDAT chunk: its checksum and the last chunk."""
    return struct.pack(">I", zlib.crc32(body, zlib.crc32(b"IDAT"))) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def decode_image(data: bytes) -> np.ndarray:
    """Decode PNG, JPEG or WebP: (H, W), (H, W, 3) or (H, W, 4) uint8 or uint16 in gray, RGB or RGBA order.

    Raises ValueError for other formats, damaged data and images of more than `MAX_PIXELS` (refused undecoded).
    """
    width, height = _size(data)
    if width * height > MAX_PIXELS:
        raise ValueError(f"an image of {width} x {height} has more than {MAX_PIXELS} pixels")
    pixels = _decode_checked(data)
    if pixels.shape[:2] != (height, width):
        raise ValueError(f"the image says {width} x {height} but decodes to {pixels.shape[1]} x {pixels.shape[0]}")
    return pixels


def _size(data: bytes) -> tuple[int, int]:
    """Width and height by the header. Raises ValueError for what is none of the three formats."""
    if data[12:16] == b"IHDR" and data.startswith(PNG_SIGNATURE) and len(data) >= 24:
        return struct.unpack_from(">II", data, 16)
    try:
        with Image.open(io.BytesIO(data), formats=tuple(set(IMAGE_FORMATS.values()))) as header:
            return header.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        reason = "its header is of none of them" if isinstance(error, UnidentifiedImageError) else error  # Pillow's own words hold an address
        raise ValueError(f"not a readable PNG, JPEG or WebP image ({len(data)} bytes): {reason}") from None
    except Image.DecompressionBombError:
        raise ValueError(f"the image has more than {MAX_PIXELS} pixels") from None


def decode_png(data: bytes) -> np.ndarray:
    """Decode any PNG as `decode_image` does, without a limit on its size. Raises ValueError for damaged data."""
    pixels = _decode_up(data)
    if pixels is not None:
        return pixels
    try:
        pixels = imagecodecs.png_decode(_essential(data))
    except (RuntimeError, UnicodeDecodeError):  # its own words may hold whatever lay in memory
        raise ValueError(f"damaged PNG image ({len(data)} bytes)") from None
    if pixels.ndim == 3 and pixels.shape[2] == 2:  # gray and alpha, which nobody else knows as a kind of its own
        return np.repeat(pixels, (3, 1), axis=2)
    return pixels


def _essential(data: bytes) -> bytes:
    """A PNG without the chunks that do not change its pixels, such as colour profiles and texts: of what is odd in them libpng tells the terminal.

    What is cut off or no chunk at all stays, for libpng to refuse.
    """
    place, kept = len(PNG_SIGNATURE), [data[: len(PNG_SIGNATURE)]]
    while place + 12 <= len(data):
        end = place + 12 + struct.unpack_from(">I", data, place)[0]
        kind = data[place + 4 : place + 8]
        if kind in PIXEL_CHUNKS or (kind == b"tRNS" and _fits_palette(data, end - place - 12)):
            kept.append(data[place:end])
        place = end
    return b"".join([*kept, data[place:]])


def _fits_palette(data: bytes, size: int) -> bool:
    """Whether a chunk of this size can say what is clear in the PNG: entries of a palette, a gray, or a colour."""
    return {0: size == 2, 2: size == 6, 3: 0 < size <= 256}.get(data[25], False)


def decode_jpeg(data: bytes) -> np.ndarray | None:
    """The pixels of a JPEG, (H, W) or (H, W, 3) uint8, not turned by EXIF; None for other colours than gray and RGB.

    The same as OpenCV's, which tells the terminal of every oddity. Raises ValueError for damaged data.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            return np.array(image) if image.mode in ("L", "RGB") else None
    except (OSError, SyntaxError, ValueError):
        raise ValueError(f"damaged JPEG image ({len(data)} bytes)") from None


def _decode_up(data: bytes) -> np.ndarray | None:
    """The pixels of a PNG exactly as `encode_png` writes it, undamaged; None for any other."""
    if len(data) < len(PNG_SIGNATURE) + 25 + 12 + 12:
        return None
    width, height, bits, colour_type, *rest = struct.unpack_from(">IIBBBBB", data, 16)
    channels, body = _CHANNELS.get(colour_type, 0), data[41:-16]
    framed = PNG_SIGNATURE + _chunk(b"IHDR", data[16:29]) + struct.pack(">I", len(body)) + b"IDAT"
    if any(rest) or not width * height or bits not in (8, 16) or not channels or not data.startswith(framed) or data[-16:] != _ending(body):
        return None
    row_bytes = width * channels * bits // 8
    try:
        scan_lines = imagecodecs.deflate_decode(body, out=np.empty(height * (row_bytes + 1), np.uint8).data)
    except RuntimeError:
        return None
    if len(scan_lines) != height * (row_bytes + 1):
        return None
    lines = np.frombuffer(scan_lines, np.uint8).reshape(height, row_bytes + 1)
    if (lines[:, 0] != FILTER_UP).any():
        return None
    rows = _undo_up(lines[:, 1:])
    pixels = rows if bits == 8 else rows.view(">u2").astype(np.uint16)
    return pixels.reshape((height, width) if channels == 1 else (height, width, channels))


def _undo_up(differences: np.ndarray) -> np.ndarray:
    """The running sums, modulo 256, down the columns of (H, B) uint8.

    In blocks of rows, all at once, and then from block to block: few large steps, where NumPy's accumulation is ten times slower and single
    rows make threads wait for each other.
    """
    height, side = len(differences), math.isqrt(len(differences))
    blocks = np.empty((-(-height // side), side, differences.shape[1]), np.uint8)
    rows = blocks.reshape(-1, differences.shape[1])
    rows[:height], rows[height:] = differences, 0
    for place in range(1, side):
        blocks[:, place] += blocks[:, place - 1]
    for above, block in pairwise(blocks):
        block += above[-1]
    return rows[:height]


def _decode_checked(data: bytes) -> np.ndarray:
    if data.startswith(PNG_SIGNATURE):
        return decode_png(data)
    if data.startswith(JPEG_START) and (pixels := decode_jpeg(data)) is not None:
        return pixels
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError(f"damaged image ({len(data)} bytes)")
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, TO_RGB[pixels.shape[2]])


def decode_member(field: str, data: bytes) -> Any:
    """Decode a shard member by the ending of its field.

    `.json` to plain data, `.safetensors` to arrays by name, `.png`, `.jpg` and `.webp` as `decode_image` does.

    Raises ValueError naming the field when it cannot be decoded.
    """
    ending = field.rpartition(".")[2]
    try:
        if ending in IMAGE_FORMATS:
            return decode_image(data)
        if ending == "json" and len(data) <= MAX_JSON_BYTES:
            return json.loads(data)
        if ending == "safetensors":
            return safetensors.numpy.load(data)
    except (ValueError, RecursionError, KeyError, SafetensorError) as error:
        raise ValueError(f"member {field!r} cannot be decoded: {error}") from None
    raise ValueError(f"member {field!r} ({len(data)} bytes) is neither an image, nor safetensors, nor JSON of at most {MAX_JSON_BYTES} bytes")
