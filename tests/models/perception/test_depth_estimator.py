"""Depth from the channel, and Depth Pro's own classes with small random weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models.torchvision_ops  # noqa: F401
from data_specs.align_params import DepthParams
from data_specs.ids import sha256_bytes
from models.perception.base import DepthMap, Miss, Picture
from models.perception.depth_estimator import make_depth_estimator
from models.perception.depth_pro import DepthPro
from models.perception.weights import MissingWeights
from tests.models.perception.small_networks import write_depth_pro

RGB = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)


def test_the_channel_is_handed_on_with_unknown_as_zero() -> None:
    depth = np.full((40, 60), 2.5, np.float32)
    depth[0, :3] = np.nan, np.inf, -1.0
    found = make_depth_estimator(DepthParams()).estimate([Picture(RGB, depth=depth, focal_pixels=70.0)])[0]
    assert isinstance(found, DepthMap)
    assert found.depth[0, :4].tolist() == [0.0, 0.0, 0.0, 2.5]
    assert found.focal_pixels == 70.0


@pytest.mark.parametrize("depth", [None, np.zeros((40, 60), np.float32), np.ones((20, 30), np.float32)])
def test_no_channel_is_a_miss(depth: np.ndarray | None) -> None:
    found = make_depth_estimator(DepthParams()).estimate([Picture(RGB, depth=depth)])[0]
    assert isinstance(found, Miss) and found.rule == "no_depth"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_depth_pro(tmp_path_factory.mktemp("depth_pro"))


def test_depth_pro_gives_metric_depth_of_every_pixel(folder: Path) -> None:
    estimator = make_depth_estimator(DepthParams(kind="depth_pro", weights=str(folder)))
    small = Picture(RGB[:30, :30].copy())
    found = estimator.estimate([Picture(RGB), small, Picture(RGB)])
    assert all(isinstance(one, DepthMap) for one in found)
    first, second, third = (one for one in found if isinstance(one, DepthMap))
    assert first.depth.shape == (40, 60) and second.depth.shape == (30, 30) and first.depth.dtype == np.float32
    assert first.focal_pixels is not None and first.focal_pixels > 0
    np.testing.assert_allclose(first.depth, third.depth, rtol=5e-3)  # 1 / the network's answer, which random weights bring near zero


def test_a_known_lens_scales_depth(folder: Path) -> None:
    """Depth is proportional to the focal length at the same inverse depth (Depth Pro, eq. 1)."""
    estimator: Any = make_depth_estimator(DepthParams(kind="depth_pro", weights=str(folder)))
    free = estimator.estimate([Picture(RGB)])[0]
    known = estimator.estimate([Picture(RGB, focal_pixels=2.0 * free.focal_pixels)])[0]
    assert known.focal_pixels == pytest.approx(2.0 * free.focal_pixels)
    near = (free.depth > 0) & (known.depth > 0)
    np.testing.assert_allclose(known.depth[near], 2.0 * free.depth[near], rtol=1e-4)


@pytest.mark.parametrize("weights", ["", "apple/DepthPro-hf"])
def test_missing_weights_are_described(weights: str, tmp_path: Path) -> None:
    """An empty folder, and the hub without a commit."""
    with pytest.raises(MissingWeights, match=r"apple/DepthPro-hf \(1.9 GB, Apple's research licence"):
        DepthPro.open(DepthParams(kind="depth_pro", weights=weights or str(tmp_path)))


def test_other_weights_than_stated_are_refused(folder: Path) -> None:
    right = sha256_bytes((folder / "model.safetensors").read_bytes())
    assert DepthPro.open(DepthParams(kind="depth_pro", weights=str(folder), sha256=right))
    with pytest.raises(MissingWeights, match=f"has the sha256 {right}, expected {'0' * 64}"):
        DepthPro.open(DepthParams(kind="depth_pro", weights=str(folder), sha256="0" * 64))
