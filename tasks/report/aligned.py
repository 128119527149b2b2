"""Pictures whose object was found, meshed and posed: the funnel, and a sheet of kept ones with their geometry."""

import re
from typing import Any

import numpy as np

from data_specs.aligned_subject import AlignedSubjectRecord
from data_specs.conventions import decode_position
from models.geometry.point_maps import colours_of
from tasks.report.contact_sheet import spread
from tasks.report.funnel import stage_facts
from tasks.report.inputs import Inputs, MissingError
from tasks.report.pictures import data_uri, strip
from tasks.sample_lookup import SampleLookup

TILE_PIXELS = 132
SHOWN_VIEWS = 4
QA_PAGE = "qa.html"


def aligned(inputs: Inputs) -> dict[str, Any]:
    """`report.samples` aligned subjects, spread evenly over the data set, each as picture, mesh at its pose, point map and turntable."""
    lookup = inputs.lookup("align")
    if not lookup.manifest.entered:
        raise MissingError("No pictures were aligned: `align.source` is empty in this size.")
    keys = spread(sorted(lookup.keys()), inputs.params.report.samples)
    page = inputs.workspace.folder("align") / QA_PAGE
    return {
        "stage": stage_facts("align", lookup.manifest),
        "subjects": [_subject(lookup, key) for key in keys],
        "qa_page": f"../align/{QA_PAGE}" if page.is_file() else "",
    }


def _subject(lookup: SampleLookup, key: str) -> dict[str, Any]:
    record = AlignedSubjectRecord.model_validate_json(lookup.raw(key, "subject.json"))
    shown = record.views[:: max(1, len(record.views) // SHOWN_VIEWS)][:SHOWN_VIEWS]
    wanted = ["picture.png", "posed.png", "position.png", *(view.members[name] for view in shown for name in ("rgb", "position"))]
    sample = lookup.read(key, "|".join(map(re.escape, wanted)))
    colours = [sample[view.members["rgb"]] for view in shown]
    positions = [_colours(sample[view.members["position"]], record) for view in shown]
    return {
        "record": record,
        "at_pose": data_uri(strip([sample["picture.png"], sample["posed.png"], _colours(sample["position.png"], record)], TILE_PIXELS), quality=90),
        "turntable": data_uri(strip(colours, TILE_PIXELS), quality=90),
        "point_maps": data_uri(strip(positions, TILE_PIXELS), quality=90),
    }


def _colours(coded: np.ndarray, record: AlignedSubjectRecord) -> np.ndarray:
    """A stored position map (H, W, 3) uint16 in the colours that the record names, (H, W, 3) uint8, white where there is no surface."""
    mask = coded.max(axis=-1) > 0
    colours = colours_of(decode_position(coded, mask), record.point_map_colours, np.array(record.extent))
    return np.where(mask[..., None], np.rint(255.0 * colours), 255).astype(np.uint8)
