"""The weightless embedder tells sets of pictures apart and never changes."""

import numpy as np
import pytest

from models.metrics.distribution import Distance, frechet_distance, kernel_distance
from models.metrics.random_features import random_conv_features

PINNED = [-0.05756781161, 0.04058150204, -0.2106147998, 1.038474862, 0.5192636054]


def pictures(count: int, seed: int, contrast: float = 0.1) -> np.ndarray:
    """Soft coloured blobs with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:48, 0:48] / 48.0
    centres = rng.uniform(0.3, 0.7, (count, 2))
    blob = np.exp(-20.0 * ((x - centres[:, :1, None]) ** 2 + (y - centres[:, 1:, None]) ** 2))
    return np.clip(1.0 - blob[..., None] * rng.uniform(0.2, 0.8, (count, 1, 1, 3)) + contrast * rng.standard_normal((count, 48, 48, 3)), 0.0, 1.0)


def test_features_are_pinned() -> None:
    """The same numbers on every machine: a changed embedder would silently change every published distance."""
    features = random_conv_features(np.linspace(0.0, 1.0, 2 * 40 * 40 * 3).reshape(2, 40, 40, 3))
    assert features.shape == (2, 480)
    np.testing.assert_allclose(features[0, [0, 20, 100, 300, 479]], PINNED, rtol=1e-6)


def test_each_picture_alone() -> None:
    batch = pictures(3, 0)
    np.testing.assert_allclose(random_conv_features(batch)[1], random_conv_features(batch[1:2])[0], rtol=1e-9)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_distance_grows_with_the_difference(distance: Distance) -> None:
    """Same kind of pictures < more noise < much more noise."""
    base = random_conv_features(pictures(40, 1))
    distances = [distance(base, random_conv_features(pictures(40, 2, contrast))) for contrast in (0.1, 0.2, 0.4)]
    assert 4.0 * distances[0] < distances[1] < 0.25 * distances[2]
