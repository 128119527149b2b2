"""Previews of assets with caption, source and licence."""

from typing import Any

import numpy as np

from data_specs.asset import AssetRecord
from tasks.report.inputs import Inputs
from tasks.report.pictures import data_uri, fit, opaque

PREVIEW_PIXELS = 176


def contact_sheet(inputs: Inputs) -> dict[str, Any]:
    """`report.contact_sheet_items` previews, spread evenly over the data set."""
    lookup = inputs.lookup("assets")
    keys = spread(sorted(lookup.keys()), inputs.params.report.contact_sheet_items)
    items = [_item(lookup.read(key, r"asset\.json|preview\.jpg")) for key in keys]
    return {"items": items, "total": len(lookup.rows)}


def spread(keys: list[str], count: int) -> list[str]:
    """At most `count` of the keys at equal distances, the first and the last among them."""
    if len(keys) <= count:
        return keys
    return [keys[i] for i in np.unique(np.linspace(0, len(keys) - 1, count).round().astype(int))]


def _item(sample: dict[str, Any]) -> dict[str, Any]:
    preview = sample.get("preview.jpg")
    return {
        "record": AssetRecord.model_validate(sample["asset.json"]),
        "picture": None if preview is None else data_uri(fit(opaque(preview), PREVIEW_PIXELS)),
    }
