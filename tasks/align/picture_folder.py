"""A folder of pictures as lines, with what a `manifest.json` in it says of names, captions, lenses and licences; and a line back to its pixels."""

import io
import struct
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image
from pydantic import ValidationError

from data_specs.conventions import decode_depth
from data_specs.ids import content_id, sha256_bytes, slug
from data_specs.subject import SubjectLine
from models.image_codec import decode_image
from models.perception.base import Picture
from tasks.align.picture_error import PictureError
from tasks.licences import spdx_id
from tasks.local_folder import FileDigests, attribution_of, files_below, manifest_entries, words_of

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
DEPTH_ENDING = ".depth.png"
ORIENTATION_TAG = 0x0112
COLUMNS = {
    "item": ("item", "object", "name", "subject", "label"),
    "caption": ("caption", "description", "text", "prompt"),
    "category": ("category", "class"),
    "licence": ("licence", "license"),
    "author": ("author", "artist", "creator"),
    "focal_pixels": ("focal_pixels",),
    "object_id": ("object_id",),
    "id": ("id", "uid"),
}
"""Field of a line -> the keys of a manifest's entry that mean it, the first that is there wins."""


def folder_lines(folder: Path, cache: Path) -> list[SubjectLine]:
    """Every picture below `folder`, those of its manifest first and in its order, the others sorted by path and named by their file names.

    `NAME.depth.png` beside a picture is its depth channel. cache: folder where digests of unchanged files are remembered. Raises ValueError
    when the folder or its manifest cannot be read or names a file that is not there.
    """
    if not folder.is_dir():
        raise ValueError(f"align.location={folder} is not a folder")
    files = files_below(folder)
    known = set(files)
    entries = {entry["file"]: entry for entry in manifest_entries(folder)}
    missing = [name for name in entries if name not in known]
    if missing:
        raise ValueError(f"{folder / 'manifest.json'} names {missing[0]}, which is not there")
    found = [path for path in files if PurePosixPath(path).suffix.lower() in PICTURE_SUFFIXES and not path.endswith(DEPTH_ENDING)]
    digests = FileDigests(folder, cache)
    order = [*entries, *(path for path in found if path not in entries)]
    lines = [_line(path, entries.get(path, {}), known, digests) for path in order]
    digests.save()
    return lines


def read_picture_file(line: SubjectLine, root: Path) -> Picture:
    """The pixels of a line, turned as its EXIF orientation says, with alpha and depth where it has them.

    Raises PictureError: `changed`, `damaged`, `depth_size`.
    """
    data = _read(root, line.location, line.sha256)
    pixels = _decoded(line.location, data)
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    pixels = _upright(data, pixels)
    alpha = np.ascontiguousarray(pixels[..., 3]) if pixels.shape[-1] == 4 else None
    depth = _depth(line, root, pixels.shape[:2]) if line.depth_location else None
    return Picture(np.ascontiguousarray(pixels[..., :3]), alpha, depth, line.focal_pixels)


def _line(path: str, entry: dict[str, Any], files: set[str], digests: FileDigests) -> SubjectLine:
    fields = _fields(entry)
    digest = digests.of(path)
    depth = str(PurePosixPath(path).with_suffix("")) + DEPTH_ENDING
    name = slug(fields.pop("id", "") or PurePosixPath(path).stem)[:48].rstrip("_")
    subject_id = f"{name}-{content_id(path, digest)[:12]}"
    try:
        return SubjectLine(
            subject_id=subject_id,
            object_id=slug(fields.pop("object_id", "")) if "object_id" in fields else subject_id,
            source="folder",
            location=path,
            sha256=digest,
            depth_location=depth if depth in files else "",
            depth_sha256=digests.of(depth) if depth in files else "",
            item=fields.pop("item", "") or words_of(path).rstrip("0123456789 "),
            licence=spdx_id(fields.pop("licence", "")),
            attribution=attribution_of(entry),
            **fields,  # type: ignore[arg-type]
        )
    except ValidationError as error:
        problem = error.errors()[0]
        raise ValueError(f"manifest.json, entry {path}: {problem['loc'][0]}: {problem['msg']}") from None


def _fields(entry: dict[str, Any]) -> dict[str, str]:
    found = {}
    for field, keys in COLUMNS.items():
        value = next((entry[key] for key in keys if entry.get(key) not in (None, "")), None)
        if value is not None:
            found[field] = str(value).strip()
    return found


def _read(root: Path, location: str, sha256: str) -> bytes:
    try:
        data = (root / location).read_bytes()
    except OSError as error:
        raise PictureError("damaged", f"{location} cannot be read: {error.strerror}") from None
    if sha256_bytes(data) != sha256:
        raise PictureError("changed", f"{location} is not the file that was listed: plan the stage again")
    return data


def _decoded(location: str, data: bytes) -> np.ndarray:
    try:
        return decode_image(data)
    except ValueError as error:
        raise PictureError("damaged", f"{location}: {error}") from None


def _depth(line: SubjectLine, root: Path, size: tuple[int, ...]) -> np.ndarray:
    coded = _decoded(line.depth_location, _read(root, line.depth_location, line.depth_sha256))
    if coded.dtype != np.uint16 or coded.shape != tuple(size):
        raise PictureError("depth_size", f"{line.depth_location} must be a 16-bit gray PNG as large as the picture (conventions.py)")
    return decode_depth(coded)


def _upright(data: bytes, pixels: np.ndarray) -> np.ndarray:
    """Undo the turn and mirror that a camera noted in EXIF (tag values 1 to 8) and the decoder leaves alone; damaged EXIF says nothing."""
    try:
        with Image.open(io.BytesIO(data)) as header:
            orientation = header.getexif().get(ORIENTATION_TAG, 1)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error):
        orientation = 1
    if orientation in (2, 4, 5, 7):
        pixels = pixels[:, ::-1]
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}
    return np.rot90(pixels, turns.get(orientation, 0))
