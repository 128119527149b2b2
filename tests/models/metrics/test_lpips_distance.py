"""LPIPS by its own package on a random backbone: the numbers are the package's, and what is said when something is missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from data_specs.align_params import AppearanceParams
from data_specs.ids import sha256_bytes
from models.metrics.lpips_distance import LpipsDistance, fill_backbone, lpips_network
from models.metrics.perceptual import open_perceptual_distance
from models.perception.weights import MissingWeights
from tests.models.metrics.published_networks import random_alexnet

pytest.importorskip("lpips", reason="lpips is not installed")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_alexnet(tmp_path_factory.mktemp("alexnet") / "alexnet.safetensors")


def opened(path: Path, **changes: Any) -> AppearanceParams:
    return AppearanceParams(**{"kind": "lpips", "weights": str(path), "sha256": sha256_bytes(path.read_bytes()), **changes})


def pictures(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (3, 72, 80, 3)).astype(np.uint8)


def test_the_numbers_are_the_packages(backbone: Path) -> None:
    distance = open_perceptual_distance(opened(backbone))
    assert isinstance(distance, LpipsDistance) and distance.name == "lpips"
    from lpips import im2tensor
    from safetensors.torch import load_file

    network = lpips_network()
    fill_backbone(network, load_file(backbone))
    expected = [float(network(im2tensor(one), im2tensor(other))) for one, other in zip(pictures(0), pictures(1))]
    np.testing.assert_allclose(distance(pictures(0), pictures(1)), expected, rtol=1e-5)
    np.testing.assert_allclose(distance(pictures(0), pictures(0)), 0.0, atol=1e-7)


def test_what_is_missing_is_said(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=r"align.appearance.weights is empty: get alexnet-owt-7be5be79.pth"):
        open_perceptual_distance(AppearanceParams(kind="lpips"))
    with pytest.raises(MissingWeights, match=r"set align.appearance.sha256"):
        open_perceptual_distance(opened(backbone, sha256=""))
    wrong = tmp_path / "wrong.safetensors"
    save_file({"features.0.weight": torch.zeros(1)}, wrong)
    with pytest.raises(ValueError, match="does not hold AlexNet's convolutions"):
        open_perceptual_distance(opened(wrong))
