"""Four pictures and their record as the sample of one caption, wherever they come from."""

import numpy as np

from data_specs.ids import canonical_json
from data_specs.matched_real import MatchedRealRecord
from data_specs.sample import Sample
from models.image_codec import encode_png

WORD = "matched_real"


def make_sample(record: MatchedRealRecord, pictures: list[np.ndarray]) -> Sample:
    """pictures: (S, S, 4) uint8 each, in the order of the record's view words."""
    members = {field: encode_png(picture) for field, picture in zip(record.members, pictures, strict=True)}
    return Sample(record.asset_id, {**members, "matched.json": canonical_json(record.model_dump(mode="json")).encode()})
