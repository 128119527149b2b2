"""Rows of other people's tables and manifests to catalogue lines: column names, captions, ids, licences."""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

import data_specs
from data_specs.asset import CatalogueLine, Front, UpAxis
from data_specs.ids import content_id, slug
from models.geometry.mesh_reader import UP_IS_Y
from tasks.licences import spdx_id
from tasks.local_folder import words_of

COLUMNS_FILE = Path(data_specs.__file__).parent / "catalogue" / "columns.yaml"


@functools.cache
def column_names() -> dict[str, list[str]]:
    """Field of a catalogue line -> the column names that mean it."""
    return yaml.safe_load(COLUMNS_FILE.read_text())


def fields_of(row: dict[str, Any]) -> dict[str, str]:
    """The fields of a catalogue line that a table's row fills, as text; unknown columns are left out."""
    lower = {str(key).lower(): value for key, value in row.items()}
    found: dict[str, str] = {}
    for name, columns in column_names().items():
        value = next((lower[column] for column in columns if lower.get(column) not in (None, "")), None)
        if value is not None and value == value:  # NaN of an empty cell is not equal to itself
            found[name] = str(value).strip()
    return found


def make_line(source: Literal["folder", "url"], location: str, suffix: str, fields: dict[str, str], up_axis: UpAxis) -> CatalogueLine:
    """A catalogue line from a row's fields (`asset_id` among them); what the row does not say comes from the location.

    suffix: of the mesh format. up_axis: of formats without a standard one. Raises ValueError for a wrong up axis or front.
    """
    axis = fields.get("up_axis", "").lower() or ("y" if suffix in UP_IS_Y else up_axis)
    if axis not in ("y", "z"):
        raise ValueError(f"up axis {axis!r} of {location}: use y or z")
    front = fields.get("front", "").lower() or "+z"
    front = front if front[0] in "+-" else f"+{front}"
    if front not in get_args(Front):
        raise ValueError(f"front {front!r} of {location}: use one of {', '.join(get_args(Front))}, with the up axis turned to y")
    return CatalogueLine(
        asset_id=slug(fields["asset_id"]),
        source=source,
        location=location,
        suffix=suffix,
        caption=fields.get("caption") or words_of(location),
        category=fields.get("category", ""),
        up_axis=axis,  # type: ignore[arg-type]
        front=front,  # type: ignore[arg-type]
        licence=spdx_id(fields.get("licence", "")),
        author=fields.get("author", ""),
        attribution=fields.get("attribution", ""),
        sha256=fields.get("sha256", "").lower(),
    )


def distinct(lines: Iterable[CatalogueLine]) -> Iterator[CatalogueLine]:
    """Drop repeated lines and give those that share an id a suffix made of their location; one line at a time, lists are long."""
    ids: set[str] = set()
    contents: set[str] = set()
    for line in lines:
        key = content_id(line.location, line.sha256)
        if key in contents:
            continue
        asset_id = line.asset_id if line.asset_id not in ids else f"{line.asset_id[:60]}-{key}"
        ids.add(asset_id)
        contents.add(key)
        yield line.model_copy(update={"asset_id": asset_id})
