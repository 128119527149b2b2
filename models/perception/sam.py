"""Segment Anything (Kirillov et al. 2023, package segment-anything) as a segmenter: a box to a mask."""

from typing import Any

import numpy as np
import torch

import models.torchvision_ops  # noqa: F401
from data_specs.align_params import SegmenterParams
from models.perception.base import Box, Mask, Miss, Picture
from models.perception.weights import MissingWeights, checked_file, load_tensors, needs_package

PUBLISHED_FILES = {"vit_h": "sam_vit_h_4b8939.pth", "vit_l": "sam_vit_l_0b3195.pth", "vit_b": "sam_vit_b_01ec64.pth"}
BATCH = 4


class SegmentAnything:
    """`Segmenter` by a loaded network. model: `segment_anything.modeling.Sam` in eval mode."""

    def __init__(self, model: Any) -> None:
        from segment_anything.utils.transforms import ResizeLongestSide

        self._model = model
        self._resize = ResizeLongestSide(model.image_encoder.img_size)

    @staticmethod
    def open(params: SegmenterParams) -> "SegmentAnything":
        """Build the model of the chosen size and load its weights. Raises MissingWeights when the package or the weights are not here."""
        file = checked_file(params.weights, params.sha256, PUBLISHED_FILES[params.model], "align.segmenter.weights")
        try:
            from segment_anything import sam_model_registry
        except ImportError as error:
            raise MissingWeights(f"{needs_package('segment-anything')} ({error})") from None
        model = sam_model_registry[params.model]()
        try:
            model.load_state_dict(load_tensors(file))
        except RuntimeError as error:
            raise ValueError(f"{file} does not hold a Segment Anything {params.model}: {str(error).splitlines()[0]}") from None
        return SegmentAnything(model.to(params.device).eval())

    @torch.inference_mode()
    def segment(self, pictures: list[Picture], boxes: list[Box]) -> list[Mask | Miss]:
        """Of the three masks the network proposes for a box, the one it thinks best; the score is the intersection over union it expects."""
        found: list[Mask | Miss] = []
        for start in range(0, len(pictures), BATCH):
            inputs = [self._input(*pair) for pair in zip(pictures[start : start + BATCH], boxes[start : start + BATCH], strict=True)]
            found += [_best(answer) for answer in self._model(inputs, multimask_output=True)]
        return found

    def _input(self, picture: Picture, box: Box) -> dict[str, Any]:
        resized = torch.from_numpy(np.ascontiguousarray(self._resize.apply_image(picture.rgb))).permute(2, 0, 1)
        corners = torch.tensor([[box.left, box.top, box.right, box.bottom]], dtype=torch.float32)
        device = self._model.device
        return {"image": resized.to(device), "original_size": picture.size, "boxes": self._resize.apply_boxes_torch(corners, picture.size).to(device)}


def _best(answer: dict[str, torch.Tensor]) -> Mask | Miss:
    expected = answer["iou_predictions"][0]
    best = int(expected.argmax())
    inside = answer["masks"][0, best].cpu().numpy().astype(bool)
    if not inside.any():
        return Miss("no_mask", "the segmenter finds no object in the box")
    return Mask(inside, float(expected[best].clamp(0, 1)))
