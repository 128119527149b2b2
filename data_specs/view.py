"""What a rendered asset is in a shard: cameras, maps and the light they were made under."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from data_specs.camera import CameraRecord
from data_specs.conventions import DEPTH_SCALE, POSITION_MIN, POSITION_SCALE

ViewPlan = Literal["orthogonal4", "turntable8", "turntable60", "sphere24", "sphere150", "photographic4"]
Light = Literal["uniform", "environment"]
MapName = Literal["rgb", "normal", "position", "depth"]
ORTHOGONAL_NAMES = ("front", "right", "back", "left")
"""Tile order of the 2 x 2 grid, row by row (SPEC R1): the camera stands at azimuth 0, 90, 180, 270 degrees about +Y, where 0 is +Z and 90 is +X."""


class ViewRecord(BaseModel):
    """One view of an asset: its camera and the members of the sample that hold its maps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    camera: CameraRecord
    members: dict[MapName, str]
    """Map name -> field of the sample, e.g. {"rgb": "front.rgb.png"}.

    The alpha channel of rgb is how much of a pixel is covered; normal and position hold a surface exactly where depth > 0.
    """


class ViewsRecord(BaseModel):
    """The `views.json` member of a render shard's sample."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asset_id: str
    caption: str
    category: str
    split: Literal["train", "validation", "test"]
    licence: str
    domain: str
    """Visual domain, one of `conventions.DOMAINS` or a further named one."""
    plan: ViewPlan
    light: Light
    light_seed: int
    views: list[ViewRecord]
    depth_scale: float = DEPTH_SCALE
    position_min: float = POSITION_MIN
    position_scale: float = POSITION_SCALE
