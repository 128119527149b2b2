"""The embedders by name: what they can do, and what is said when weights are missing."""

from pathlib import Path

import numpy as np
import pytest

from models.metrics.embedder import NAMINGS, TextPictureEmbedder, open_embedder, plain_metric, prompt_match
from models.metrics.random_features import random_conv_features


class Words:
    """Looks at the mean colour; knows two words."""

    def features(self, pictures: np.ndarray) -> np.ndarray:
        return pictures.mean(axis=(1, 2))

    def layers(self, pictures: np.ndarray) -> list[np.ndarray]:
        return [np.moveaxis(pictures, -1, 1).astype(float)]

    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        colour = self.features(pictures)
        return colour / np.linalg.norm(colour, axis=1, keepdims=True)

    def texts(self, texts: list[str]) -> np.ndarray:
        return np.array([{"red": (1.0, 0.0, 0.0), "blue": (0.0, 0.0, 1.0)}[text] for text in texts])


def test_random_features_see_pictures_but_read_nothing() -> None:
    embedder = open_embedder("random")
    pictures = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(embedder.features(pictures), random_conv_features(pictures / 255.0))
    assert [layer.shape for layer in embedder.layers(pictures)] == [(2, 16, 32, 32), (2, 32, 16, 16), (2, 64, 8, 8), (2, 128, 4, 4)]
    assert not isinstance(embedder, TextPictureEmbedder)


def test_prompt_match_is_the_mean_cosine() -> None:
    embedder = Words()
    assert isinstance(embedder, TextPictureEmbedder)
    red, purple = np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0], purple[..., 0], purple[..., 2] = 200, 100, 100
    assert prompt_match(embedder, np.concatenate([red, purple]), "red") == pytest.approx((1.0 + np.sqrt(0.5)) / 2)
    assert prompt_match(embedder, red, "blue") == 0.0


def test_a_metric_has_the_name_of_its_network() -> None:
    micro, published = NAMINGS["micro"], NAMINGS["published"]
    assert [micro.metric("fid", "base"), micro.metric("lpips")] == ["fid@micro:base", "lpips@micro"]
    assert [published.metric("fid", "base"), published.metric("lpips")] == ["fid:base", "lpips"]
    assert plain_metric("fid@micro:base") == plain_metric("fid:base") == "fid:base" and plain_metric("consistency_psnr") == "consistency_psnr"
    assert published.comparable and not micro.comparable


def test_missing_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="embedder=random"):
        open_embedder("micro", tmp_path)
