"""What a matched real sample is: pictures of the photographic domain for one caption, without any control (SPEC R10)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

VIEW_WORDS = ("front", "right side", "back", "left side")


class MatchedRealRecord(BaseModel):
    """The `matched.json` member of a matched_real shard's sample; picture i lies in the member `{i}.rgb.png`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asset_id: str
    caption: str
    """Without view words: what training sees."""
    category: str
    split: Literal["train", "validation", "test"]
    licence: str
    source: Literal["photographic_render", "base_model"]
    view_words: list[str]
    members: list[str]
