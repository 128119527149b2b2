"""Bytes of text formats to lines: byte order marks, UTF-8, or Latin-1 as the last resort; sRGB numbers to linear."""

import codecs

import numpy as np

from models.geometry.mesh_error import MeshError

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def decode_text(data: bytes) -> str:
    """Text of a mesh file. Raises MeshError `empty_file` or `wrong_content` (NUL bytes: a binary file under a text format's name)."""
    if not data.strip():
        raise MeshError("empty_file", "the file has no content")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if b"\0" in data[:4096]:
        raise MeshError("wrong_content", f"a text format was expected, the file begins with {data[:16]!r}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def linear_from_srgb(values: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] -> linear in [0, 1], any shape, float32 (IEC 61966-2-1)."""
    clipped = np.nan_to_num(np.asarray(values, np.float64), nan=1.0).clip(0.0, 1.0)
    return np.where(clipped <= 0.04045, clipped / 12.92, ((clipped + 0.055) / 1.055) ** 2.4).astype(np.float32)
