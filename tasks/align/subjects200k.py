"""Subjects200K as its parquet files hold it: rows to lines, and a line back to its pixels.

A row's picture holds two square panels of one object side by side, with padding around and between them whose width differs by collection.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from pydantic import ValidationError

from data_specs.ids import content_id, slug
from data_specs.subject import Assessment, SubjectLine
from models.image_codec import decode_image
from tasks.align.parquet_pictures import row_group
from tasks.align.picture_error import PictureError
from tasks.local_folder import FileDigests

PANEL_SIDES = (512, 1024)
WIDEST_PADDING = 32
LICENCE, ATTRIBUTION = "Apache-2.0", "https://huggingface.co/datasets/Yuanshi/Subjects200K"
NEEDED = ("image", "description")
ROWS_AT_A_TIME = 1024


def subjects200k_files(location: Path) -> list[Path]:
    """The parquet files at `location`, a file or a folder, sorted by path. Raises ValueError when there are none."""
    files = [location] if location.is_file() else sorted(location.rglob("*.parquet"))
    if not files:
        raise ValueError(f"align.location={location} holds no parquet file: download the data set {ATTRIBUTION} into it")
    return files


def subjects200k_lines(location: Path, cache: Path) -> Iterator[SubjectLine]:
    """Two lines for every row, in order; pixels are left unread. Rows without a name or scores stay: they end as decisions.

    cache: folder where digests of unchanged files are remembered. Raises ValueError for a file that is not of this schema, or is there twice.
    """
    files = subjects200k_files(location)
    root = root_of(location)
    digests, seen = FileDigests(root, cache), dict[str, Path]()
    for path in files:
        relative = path.relative_to(root).as_posix()
        digest = digests.of(relative)
        digests.save()
        if digest in seen:  # ids are made of the digest: they would come twice
            raise ValueError(f"{path} and {seen[digest]} are the same file: remove one of them from align.location")
        seen[digest] = path
        for row, fields in enumerate(_rows(path)):
            for panel in (0, 1):
                try:
                    yield _line(relative, digest, row, panel, fields)
                except ValidationError as error:
                    problem = error.errors()[0]
                    raise ValueError(f"{path}, row {row}: {problem['loc'][0]}: {problem['msg']}") from None


def root_of(location: Path) -> Path:
    """The folder that the lines' paths start from."""
    return location.parent if location.is_file() else location


def read_panel(line: SubjectLine, root: Path) -> np.ndarray:
    """The pixels of a line's panel, (side, side, 3) uint8. Raises PictureError: `changed`, `damaged`, `layout`."""
    try:
        path = root / line.location
        group, place = _row_group(path, line.sha256, line.row)
        data = row_group(path, line.sha256, group).at(place)
    except (OSError, pa.ArrowException) as error:
        raise PictureError("damaged", f"{line.location} cannot be read: {error}") from None
    if not data:
        raise PictureError("damaged", f"row {line.row} of {line.location} holds no picture")
    try:
        pixels = decode_image(data)
    except ValueError as error:
        raise PictureError("damaged", f"row {line.row} of {line.location}: {error}") from None
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise PictureError("damaged", f"row {line.row} of {line.location} is not an 8-bit colour picture")
    left, top, side = panel_place(pixels.shape[0], pixels.shape[1], line.panel)
    return np.ascontiguousarray(pixels[top : top + side, left : left + side, :3])


def panel_place(height: int, width: int, panel: int) -> tuple[int, int, int]:
    """Where a panel lies in a row's picture: left, top and side in pixels.

    The padding p follows from the height, side + 2 p. Between the panels lie p pixels, or 2 p where each panel brings its own frame.
    Raises PictureError of rule `layout` for a size that is no such picture.
    """
    for side in PANEL_SIDES:
        padding, odd = divmod(height - side, 2)
        gap = width - 2 * side - 2 * padding
        if not odd and 0 <= padding <= WIDEST_PADDING and gap in (padding, 2 * padding):
            return padding + panel * (side + gap), padding, side
    raise PictureError("layout", f"a picture of {width} x {height} does not hold two panels of {' or '.join(map(str, PANEL_SIDES))} pixels")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            missing = [name for name in NEEDED if name not in names]
            if missing:
                raise ValueError(f"{path} is not of Subjects200K: it has no column {missing[0]!r} (found {', '.join(names)})")
            image = file.schema_arrow.field("image").type
            if not pa.types.is_struct(image) or image.get_field_index("bytes") < 0:
                raise ValueError(f"{path} is not of Subjects200K: its column 'image' is {image}, expected a struct with 'bytes'")
            wanted = [name for name in ("description", "collection", "quality_assessment") if name in names]
            for name in ("description", "quality_assessment"):
                kind = file.schema_arrow.field(name).type if name in names else None
                if kind is not None and not pa.types.is_struct(kind) and not pa.types.is_null(kind):
                    raise ValueError(f"{path} is not of Subjects200K: its column {name!r} is {kind}, expected a struct")
            for batch in file.iter_batches(ROWS_AT_A_TIME, columns=wanted):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} cannot be read as parquet: {error}") from None


def _line(location: str, digest: str, row: int, panel: int, fields: dict[str, Any]) -> SubjectLine:
    described = fields.get("description") or {}
    item = str(described.get("item") or "").strip()
    object_id = f"{slug(item or 'unnamed')[:48].rstrip('_')}-{content_id(digest, row)[:12]}"
    return SubjectLine(
        subject_id=f"{object_id}-{panel}",
        object_id=object_id,
        source="subjects200k",
        location=location,
        sha256=digest,
        row=row,
        panel=panel,
        item=item,
        caption=str(described.get(f"description_{panel}") or "").strip(),
        category=str(described.get("category") or "").strip(),
        collection=str(fields.get("collection") or ""),
        assessment=_assessment(fields.get("quality_assessment")),
        licence=LICENCE,
        attribution=ATTRIBUTION,
    )


def _assessment(scores: dict[str, Any] | None) -> Assessment | None:
    if not scores:
        return None
    return Assessment(
        composite_structure=scores.get("compositeStructure"),
        object_consistency=scores.get("objectConsistency"),
        image_quality=scores.get("imageQuality"),
    )


@lru_cache(maxsize=64)
def _group_ends(path: Path, sha256: str) -> np.ndarray:
    """The row after each row group's last one. Raises PictureError of rule `changed` when the file is not the one that was listed."""
    if FileDigests.digest(path) != sha256:
        raise PictureError("changed", f"{path.name} is not the file that was listed: plan the stage again")
    metadata = parquet.read_metadata(path)
    return np.cumsum([metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)])


def _row_group(path: Path, sha256: str, row: int) -> tuple[int, int]:
    """The row group that holds a row, and the row's place in it."""
    ends = _group_ends(path, sha256)
    group = int(np.searchsorted(ends, row, side="right"))
    if not 0 <= row < ends[-1]:
        raise PictureError("changed", f"{path.name} has {ends[-1]} rows, not row {row}")
    return group, row - (int(ends[group - 1]) if group else 0)
