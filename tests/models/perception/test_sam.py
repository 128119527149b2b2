"""Segment Anything's own classes with small random weights: parity with its predictor, batching, loading."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import models.torchvision_ops  # noqa: F401
from data_specs.align_params import SegmenterParams
from data_specs.ids import sha256_bytes
from models.perception.base import Box, Mask, Picture
from models.perception.sam import SegmentAnything
from models.perception.weights import MissingWeights
from tests.models.perception.small_networks import small_sam

pytest.importorskip("segment_anything", reason="segment-anything is not installed")


@pytest.fixture(scope="module")
def network() -> Any:
    return small_sam()


def pictures() -> list[Picture]:
    rng = np.random.default_rng(1)
    return [
        Picture(rng.integers(0, 255, (height, width, 3)).astype(np.uint8)) for height, width in ((48, 90), (100, 60), (64, 64), (30, 40), (80, 80))
    ]


BOXES = [Box(5, 6, 40, 45, 1.0), Box(0, 0, 60, 100, 1.0), Box(20, 20, 50, 40, 1.0), Box(1, 2, 30, 20, 1.0), Box(10, 10, 70, 75, 1.0)]


def test_masks_are_those_of_the_packages_predictor(network: Any) -> None:
    from segment_anything import SamPredictor

    predictor = SamPredictor(network)
    for picture, box, mask in zip(pictures(), BOXES, SegmentAnything(network).segment(pictures(), BOXES), strict=True):
        predictor.set_image(picture.rgb)
        masks, expected, _ = predictor.predict(box=np.array([box.left, box.top, box.right, box.bottom]), multimask_output=True)
        best = int(expected.argmax())
        if not masks[best].any():
            continue
        assert isinstance(mask, Mask)
        assert mask.inside.shape == picture.size
        assert np.count_nonzero(mask.inside != masks[best]) <= 0.002 * mask.inside.size
        assert mask.score == pytest.approx(float(np.clip(expected[best], 0, 1)), abs=1e-5)


def test_missing_weights_are_described() -> None:
    with pytest.raises(MissingWeights, match=r"align.segmenter.weights is empty: get sam_vit_b_01ec64.pth \(375 MB, Apache-2.0\) from https://"):
        SegmentAnything.open(SegmenterParams(kind="segment_anything", model="vit_b"))


def test_weights_of_another_network_are_refused(network: Any, tmp_path: Path) -> None:
    file = tmp_path / "other.pth"
    torch.save(network.state_dict(), file)
    params = SegmenterParams(kind="segment_anything", model="vit_b", weights=str(file), sha256=sha256_bytes(file.read_bytes()))
    with pytest.raises(ValueError, match="does not hold a Segment Anything vit_b"):
        SegmentAnything.open(params)
