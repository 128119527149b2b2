"""Inception features on random weights: those of the package itself, and what is said of a wrong file."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from data_specs.ids import sha256_bytes
from models.metrics.inception import WEIGHTS, InceptionFeatures
from models.perception.weights import MissingWeights
from tests.models.metrics.published_networks import random_inception

PARAMETER = "evaluate.published.inception.weights"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_inception(tmp_path_factory.mktemp("inception") / "random.pth")


def opened(path: Path) -> InceptionFeatures:
    return InceptionFeatures.open(str(path), sha256_bytes(path.read_bytes()), PARAMETER)


def test_features_are_the_packages(checkpoint: Path) -> None:
    """The package reads the file by itself, and is given pictures channels first."""
    from torch_fidelity import FeatureExtractorInceptionV3

    pictures = np.random.default_rng(0).integers(0, 255, (2, 40, 56, 3), dtype=np.uint8)
    channels_first = torch.from_numpy(np.moveaxis(pictures, -1, 1).copy())
    ours = opened(checkpoint)(pictures)
    theirs = FeatureExtractorInceptionV3("theirs", ["2048"], feature_extractor_weights_path=str(checkpoint))(channels_first)[0]
    assert ours.shape == (2, 2048) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-6)
    assert ours.std() > 0.01 and np.abs(ours[0] - ours[1]).max() > 0.01


def test_what_is_missing_or_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(MissingWeights, match=rf"{PARAMETER} is empty: get {WEIGHTS} \(96 MB, Apache-2.0\) from https://"):
        InceptionFeatures.open("", "", PARAMETER)
    wrong = tmp_path / "wrong.pth"
    torch.save({"a": torch.zeros(1)}, wrong)
    with pytest.raises(ValueError, match=r"wrong\.pth does not hold the Inception network"):
        opened(wrong)

    wrong.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"wrong\.pth"):
        opened(wrong)
    assert "stranger" not in capsys.readouterr().out


class Trap:
    def __reduce__(self) -> tuple:
        return (print, ("a stranger's code has run",))
