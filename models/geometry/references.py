"""References inside mesh files: what a file may name, and how the bytes behind the name are reached."""

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import unquote, unquote_to_bytes

from models.geometry.mesh_error import MeshError

Resolve = Callable[[str], bytes]
"""Relative path as the file spells it -> the bytes there. Raises MeshError `missing_file` or `unsafe_uri`."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def no_files(path: str) -> bytes:
    """The `Resolve` of a file that stands alone: nothing lies beside it."""
    raise MeshError("missing_file", f"the file refers to {path!r}, but only the file itself was given")


def relative_path(reference: str) -> str:
    """Check that a reference stays in the file's own folder and return it with forward slashes.

    Raises MeshError `unsafe_uri` for schemes, absolute paths, drive letters, `..`, and control characters.
    """
    path = reference.replace("\\", "/").strip()
    parts = PurePosixPath(path).parts
    if not parts or _SCHEME.match(path) or path.startswith(("/", "~")) or ".." in parts or any(ord(letter) < 32 for letter in path):
        raise MeshError("unsafe_uri", f"the file refers to {reference[:200]!r}: only files in its own folder are read")
    return path


def load_uri(uri: str, resolve: Resolve) -> bytes:
    """The bytes of a glTF URI: a `data:` URI is decoded, anything else must be a relative path. Raises MeshError."""
    if uri.startswith("data:"):
        return _decode_data_uri(uri)
    return resolve(relative_path(unquote(uri)))


def _decode_data_uri(uri: str) -> bytes:
    head, separator, body = uri.partition(",")
    if not separator:
        raise MeshError("bad_uri", f"data URI without a comma: {uri[:60]!r}")
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(unquote(body) if "%" in body else body, validate=False)
    except binascii.Error as error:
        raise MeshError("bad_uri", f"data URI is not base64: {error}") from None
