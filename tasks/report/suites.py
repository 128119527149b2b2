"""The tables of suites: our numbers beside published ones, what they show of the paper's claims, and every method on the same assets."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from models.metrics.embedder import NAMINGS
from tasks.report.inputs import Inputs, MissingError
from tasks.report.maps import map_strip, real_row, views_of
from tasks.report.measures import cell, digits
from tasks.report.pictures import data_uri, fit

SHOWN_ASSETS = 3
STRIP_PIXELS = 384


def suites(inputs: Inputs) -> dict[str, Any]:
    """One block for every suite that has been evaluated."""
    if not inputs.suites:
        size = inputs.workspace.size
        raise MissingError(f"No table of a paper has been made: `atelier3d evaluate --size {size} --suite realiz3d_texturing` makes one.")
    return {"suites": [_suite(inputs, name, record) for name, record in inputs.suites.items()]}


def _suite(inputs: Inputs, name: str, record: dict[str, Any]) -> dict[str, Any]:
    columns = record["columns"]
    rows = [
        {
            "title": row["title"],
            "ours": [cell(row["metrics"].get(column["name"])) for column in columns],
            "published": [_published(row.get("published", {}).get(column["paper"])) for column in columns],
        }
        for row in [*record["ends"], *record["rows"]]
    ]
    return {
        "record": record,
        "conditions": record.get("conditions", []),
        "comparable": NAMINGS[record["settings"]["embedder"]].comparable,
        "groups": Counter(column["group"] for column in columns),
        "rows": rows,
        "assets": [_asset(inputs, name, record, key) for key in record["assets"][:SHOWN_ASSETS]],
    }


def _published(value: float | None) -> str:
    return "" if value is None else digits(value, 5)


def _asset(inputs: Inputs, name: str, record: dict[str, Any], key: str) -> dict[str, Any]:
    described, views = views_of(inputs.lookup("render").read(key))
    folder = inputs.workspace.folder("evaluate") / name / "samples"
    control = "control: normals" if record.get("surface", "given_surface") == "given_surface" else "not given: normals"
    rows = [(control, map_strip(views, "normal"))]
    rows += [(row["title"], strip_file(folder / f"{key}.{row['name']}.png")) for row in record["rows"] if row["metrics"]]
    rows.append(("true render", map_strip(views, "rgb")))
    return {"record": described, "rows": rows + real_row(inputs, key)}


def strip_file(path: Path, pixels: int = STRIP_PIXELS) -> str:
    """A stored picture as a data URI."""
    with Image.open(path, formats=("PNG",)) as picture:
        return data_uri(fit(np.asarray(picture.convert("RGB")), pixels), quality=90)
