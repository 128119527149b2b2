"""What was rendered: every map of every view of a few assets, and their real pictures."""

from typing import Any

import numpy as np

from data_specs.matched_real import REAL_TITLES, MatchedRealRecord
from data_specs.view import MapName, ViewsRecord
from tasks.report.contact_sheet import spread
from tasks.report.inputs import Inputs, MissingError
from tasks.report.pictures import data_uri, show_geometry, strip

SHOWN_ASSETS = 4
SHOWN_VIEWS = 4
TILE_PIXELS = 128
MAPS: tuple[MapName, ...] = ("rgb", "normal", "position", "depth")


def maps(inputs: Inputs) -> dict[str, Any]:
    """Views and maps of a few rendered assets; the matched real pictures of the same assets where they are there."""
    lookup = inputs.lookup("render")
    assets = [_asset(inputs, key) for key in spread(sorted(lookup.keys()), SHOWN_ASSETS)]
    return {"assets": assets, "params": lookup.manifest.params}


def views_of(sample: dict[str, Any]) -> tuple[ViewsRecord, list[dict[str, np.ndarray]]]:
    """The record of a render sample and, for each view, its stored maps by name."""
    record = ViewsRecord.model_validate(sample["views.json"])
    return record, [{name: sample[field] for name, field in view.members.items()} for view in record.views]


def map_strip(views: list[dict[str, np.ndarray]], name: MapName) -> str:
    """One map of all views side by side, as a data URI."""
    shown = [view["rgb"] if name == "rgb" else show_geometry(view[name], view["depth"] > 0) for view in views[:SHOWN_VIEWS]]
    return data_uri(strip(shown, TILE_PIXELS), quality=100 if max(view["rgb"].shape[0] for view in views) <= TILE_PIXELS else 88)


def _asset(inputs: Inputs, key: str) -> dict[str, Any]:
    record, views = views_of(inputs.lookup("render").read(key))
    rows = [(name, map_strip(views, name)) for name in MAPS if all(name in view for view in views)]
    names = [view.name for view in record.views[:SHOWN_VIEWS]]
    real = real_row(inputs, key)
    return {"record": record, "rows": rows + real, "views": names, "real": bool(real)}


def real_row(inputs: Inputs, key: str) -> list[tuple[str, str]]:
    """What the real pictures of an asset are, and they side by side as a data URI; nothing where there are none."""
    try:
        lookup = inputs.lookup("matched_real")
    except MissingError:
        return []
    if key not in lookup:
        return []
    sample = lookup.read(key)
    record = MatchedRealRecord.model_validate(sample["matched.json"])
    return [(REAL_TITLES[record.source], data_uri(strip([sample[field] for field in record.members], TILE_PIXELS), quality=90))]
