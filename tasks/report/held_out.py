"""Held-out assets in full: what the model was given, what it made, and the truth."""

from typing import Any

import numpy as np
from PIL import Image

from tasks.report.inputs import Inputs
from tasks.report.maps import TILE_PIXELS, map_strip, real_row, views_of
from tasks.report.pictures import data_uri, fit

GIVEN = {"given_surface": "the normals and the positions", "visual_hull": "the cameras", "none": "nothing of the object's shape"}
"""What a model knows of an object, by what its views are back-projected onto."""


def held_out(inputs: Inputs) -> dict[str, Any]:
    """`report.samples` evaluated assets: controls, samples of every mode, true renders and real pictures, as rows of four views."""
    metrics = inputs.metrics
    assets = [_asset(inputs, key, metrics) for key in metrics["assets"][: inputs.params.report.samples]]
    surface = surface_of(metrics)
    return {"assets": assets, "given": GIVEN[surface], "surface": surface, "split": metrics["settings"]["split"], "total": len(metrics["assets"])}


def _asset(inputs: Inputs, key: str, metrics: dict[str, Any]) -> dict[str, Any]:
    record, views = views_of(inputs.lookup("render").read(key))
    control = "control: " if surface_of(metrics) == "given_surface" else "not given: "
    rows = [(f"{control}normals", map_strip(views, "normal")), (f"{control}positions", map_strip(views, "position"))]
    rows += [(row["title"], _samples(inputs, key, row["name"])) for row in metrics["rows"] if row["kind"] == "model"]
    rows.append(("true render", map_strip(views, "rgb")))
    return {"record": record, "rows": rows + real_row(inputs, key), "scores": consistency_of(key, metrics)}


def surface_of(metrics: dict[str, Any]) -> str:
    """What views were back-projected onto; records from before there was a choice do not say it."""
    return metrics.get("surface", "given_surface")


def consistency_of(key: str, metrics: dict[str, Any]) -> dict[str, float]:
    """Title of a row -> consistency PSNR of one asset, dB. An asset of which no two views show the same surface has none."""
    found = {row["title"]: row["metrics"].get("consistency_psnr", {"values": {}})["values"] for row in metrics["rows"]}
    return {title: values[key] for title, values in found.items() if key in values}


def _samples(inputs: Inputs, key: str, mode: str) -> str:
    """The strip of views that the evaluation stored."""
    path = inputs.workspace.folder("evaluate") / "samples" / f"{key}.{mode}.png"
    with Image.open(path, formats=("PNG",)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return data_uri(fit(pixels, 4 * TILE_PIXELS), quality=90)
