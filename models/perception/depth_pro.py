"""Depth Pro (Bochkovskii et al. 2025) through transformers as a depth estimator: metric depth and focal length from one picture."""

from pathlib import Path
from typing import Any

import torch

import models.torchvision_ops  # noqa: F401
from data_specs.align_params import DepthParams
from models.perception.base import DepthMap, Miss, Picture
from models.perception.weights import MissingWeights, checked_file

HOW_TO_GET = "Get apple/DepthPro-hf (1.9 GB, Apple's research licence: see its model card) with `huggingface-cli download apple/DepthPro-hf`"
BATCH = 2
FARTHEST_M = 10_000.0
"""What the network says of the sky; its processor clamps there."""


class DepthPro:
    """`DepthEstimator` by a loaded network.

    model: transformers' `DepthProForDepthEstimation` in eval mode. processor: its image processor.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self._model, self._processor = model, processor

    @staticmethod
    def open(params: DepthParams) -> "DepthPro":
        """Load from a folder or the hub. Raises MissingWeights saying what to get when it is on neither."""
        from transformers import DepthProForDepthEstimation, DepthProImageProcessorFast
        from transformers.utils import cached_file

        if not params.revision and not Path(params.weights).is_dir():
            raise MissingWeights(
                f"align.depth.weights={params.weights!r} is no folder: give one, or set align.depth.revision to the commit to use. {HOW_TO_GET}"
            )
        place: dict[str, Any] = {"revision": params.revision} if params.revision else {}
        try:
            processor = DepthProImageProcessorFast.from_pretrained(params.weights, **place)
            if params.sha256:
                file = cached_file(params.weights, "model.safetensors", **place)
                checked_file(str(file), params.sha256, "apple/DepthPro-hf", "align.depth.weights")
            model = DepthProForDepthEstimation.from_pretrained(params.weights, use_safetensors=True, **place)
        except OSError as error:
            raise MissingWeights(f"Depth Pro is not at align.depth.weights={params.weights!r} ({str(error).splitlines()[0]}). {HOW_TO_GET}") from None
        return DepthPro(model.to(params.device).eval(), processor)

    @torch.inference_mode()
    def estimate(self, pictures: list[Picture]) -> list[DepthMap | Miss]:
        """Depth in metres. Where a picture's focal length is known, depth is scaled from the estimated lens to the true one."""
        found: list[DepthMap | Miss] = []
        for start in range(0, len(pictures), BATCH):
            found += self._estimate(pictures[start : start + BATCH])
        return found

    def _estimate(self, pictures: list[Picture]) -> list[DepthMap | Miss]:
        images = [torch.from_numpy(picture.rgb).permute(2, 0, 1) for picture in pictures]
        inputs = self._processor(images=images, return_tensors="pt").to(self._model.device)
        sizes = [picture.size for picture in pictures]
        answers = self._processor.post_process_depth_estimation(self._model(**inputs), target_sizes=sizes)
        return [_depth_map(picture, answer) for picture, answer in zip(pictures, answers, strict=True)]


def _depth_map(picture: Picture, answer: dict[str, Any]) -> DepthMap | Miss:
    depth, focal = answer["predicted_depth"].float(), answer["focal_length"]
    estimated = None if focal is None else float(focal)
    if not torch.isfinite(depth).all() or (estimated is not None and not estimated > 0):
        return Miss("no_depth", "the network's depth is not finite")
    if picture.focal_pixels is not None and estimated is not None:
        depth = depth * (picture.focal_pixels / estimated)
    clamped = depth.where(depth < FARTHEST_M, 0.0)
    return DepthMap(clamped.cpu().numpy(), picture.focal_pixels or estimated)
