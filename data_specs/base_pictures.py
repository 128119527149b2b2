"""The parameters of pictures that a base model makes of captions (SPEC R10)."""

from typing import Literal

from pydantic import Field

from data_specs.strict import Strict


class ScreeningParams(Strict):
    """When a generated picture passes: one object before a white background."""

    white_level: int = Field(230, ge=0, le=255, description="a pixel whose channels all reach this level is white")
    white_border: float = Field(0.95, ge=0, le=1, description="least share of white pixels along the border")
    object_share: float = Field(0.01, gt=0, lt=1, description="least share of a picture that an object fills; smaller spots are overlooked")


class BasePicturesParams(Strict):
    """The base model and how it is sampled."""

    model: str = Field("micro:base", description="a training run, or micro:NAME, hub:OWNER/REPO, path:FOLDER")
    steps: int = Field(50, gt=0, le=1000, description="DDIM steps")
    guidance: float = Field(4.5, ge=0, description="guidance scale on the text")
    precision: Literal["fp32", "bf16"] = "fp32"
    screening: ScreeningParams = ScreeningParams.model_validate({})
