"""A CSV or parquet list of addresses (Objaverse-XL style) as catalogue lines."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyarrow import csv, parquet

from data_specs.asset import CatalogueLine, UpAxis
from data_specs.ids import content_id, slug
from models.geometry.mesh_reader import MESH_SUFFIXES
from tasks.assets.records import column_names, distinct, fields_of, make_line
from tasks.local_folder import words_of

_GITHUB_PAGE = re.compile(r"(https?://github\.com/[^/]+/[^/]+)/blob/(.+)")


def url_lines(path: Path, up_axis: UpAxis) -> Iterator[CatalogueLine]:
    """Read a list with at least a url and a sha256 column (`columns.yaml` names the spellings), in its order.

    Raises ValueError when the file cannot be read or a column is missing. Rows with a bad address or digest stay: they end as decisions.
    """
    table = _read_table(path)
    columns = {name.lower(): name for name in table.column_names}
    for needed in ("location", "sha256"):
        if not any(name in columns for name in column_names()[needed]):
            raise ValueError(f"{path} has no column for the {needed}: one of {', '.join(column_names()[needed])} (found {', '.join(columns)})")
    wanted = [columns[name] for names in column_names().values() for name in names if name in columns]
    return distinct(_line(row, up_axis) for batch in table.select(wanted).to_batches(max_chunksize=4096) for row in batch.to_pylist())


def file_name_of(url: str) -> str:
    """The file name at the end of an address, "" when there is none."""
    return PurePosixPath(unquote(urlsplit(url).path)).name


def download_address(url: str) -> str:
    """The address of the file itself where `url` is that of a GitHub page about it."""
    match = _GITHUB_PAGE.fullmatch(url)
    return f"{match.group(1)}/raw/{match.group(2)}" if match else url


def suffix_of(url: str, file_type: str = "") -> str:
    """The mesh format behind an address: from the list's file type column, else from the name; "" when unknown."""
    named = PurePosixPath(file_name_of(url)).suffix.lower()
    stated = f".{file_type.lower().lstrip('.')}" if file_type else ""
    return next((suffix for suffix in (stated, named) if suffix in MESH_SUFFIXES), "")


def _line(row: dict[str, Any], up_axis: UpAxis) -> CatalogueLine:
    fields = fields_of(row)
    url, digest = fields.get("location", ""), fields.get("sha256", "").lower()
    name = file_name_of(url) or url
    defaults = {"asset_id": f"{slug(PurePosixPath(name).stem)[:48]}-{content_id(url, digest)[:12]}", "attribution": url, "caption": words_of(name)}
    return make_line("url", url, suffix_of(url, fields.get("file_type", "")), defaults | fields, up_axis)


def _read_table(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() == ".parquet":
            return parquet.read_table(path)
        text = csv.ConvertOptions(strings_can_be_null=True, column_types=_text_columns(path))
        return csv.read_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=text)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"the list of assets {path} cannot be read: {error}") from None


def _text_columns(path: Path) -> dict[str, pa.DataType]:
    """Every column is text: an id 00017 or a digest of digits alone must not become a number."""
    with csv.open_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True)) as reader:
        return {name: pa.string() for name in reader.schema.names}
