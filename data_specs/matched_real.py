"""What a matched real sample is: pictures of the photographic domain for one caption, without any control (SPEC R10)."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from data_specs.asset import AssetRecord

VIEW_WORDS = ("front", "right side", "back", "left side")

RealSource = Literal["photographic_render", "base_model"]
REAL_TITLES: dict[RealSource, str] = {"photographic_render": "photographic pictures", "base_model": "pictures of the base"}
"""What the real pictures of a data set are called where they are shown or measured."""


class MatchedRealRecord(BaseModel):
    """The `matched.json` member of a matched_real shard's sample; picture i lies in the member `view{i}.rgb.png`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asset_id: str
    caption: str
    """Without view words: what training sees."""
    category: str
    split: Literal["train", "validation", "test"]
    licence: str
    source: RealSource
    view_words: list[str]
    members: list[str]
    prompts: list[str] = Field(default_factory=list)
    """base_model: what each picture was asked for, with its view word."""
    base_sha256: str = ""
    """base_model: digest of the model's weights."""

    @classmethod
    def of(cls, asset: AssetRecord, source: RealSource, prompts: list[str] | None = None, base_sha256: str = "") -> Self:
        """The record of one picture for each view word."""
        return cls(
            asset_id=asset.line.asset_id,
            caption=asset.line.caption,
            category=asset.line.category,
            split=asset.split,
            licence=asset.line.licence,
            source=source,
            view_words=list(VIEW_WORDS),
            members=[f"view{place}.rgb.png" for place in range(len(VIEW_WORDS))],
            prompts=prompts or [],
            base_sha256=base_sha256,
        )
