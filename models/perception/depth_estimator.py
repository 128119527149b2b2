"""Picture to depth: the estimator of the parameters, and the embedded one, which hands on the depth that came with the picture."""

from functools import cache

import numpy as np

from data_specs.align_params import DepthParams
from models.perception.base import DepthEstimator, DepthMap, Miss, Picture


@cache
def make_depth_estimator(params: DepthParams) -> DepthEstimator:
    """The estimator that the parameters choose, loaded once per process. Raises ValueError saying what is missing."""
    if params.kind == "channel":
        return DepthChannel()
    from models.perception.depth_pro import DepthPro

    return DepthPro.open(params)


class DepthChannel:
    """`DepthEstimator` without a model."""

    def estimate(self, pictures: list[Picture]) -> list[DepthMap | Miss]:
        """The depth channel of each picture; a Miss of rule `no_depth` where there is none or it is empty."""
        return [_channel(picture) for picture in pictures]


def _channel(picture: Picture) -> DepthMap | Miss:
    if picture.depth is None:
        return Miss("no_depth", "the picture has no depth channel: give it a NAME.depth.png, or set align.depth.kind=depth_pro")
    if picture.depth.shape != picture.size:
        return Miss(
            "no_depth", f"the depth channel is {picture.depth.shape[1]} x {picture.depth.shape[0]}, the picture {picture.size[1]} x {picture.size[0]}"
        )
    depth = np.where(np.isfinite(picture.depth) & (picture.depth > 0), picture.depth, 0.0).astype(np.float32)
    if not depth.any():
        return Miss("no_depth", "the depth channel is empty")
    return DepthMap(depth, picture.focal_pixels)
