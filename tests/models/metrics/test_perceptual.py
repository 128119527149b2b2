"""The perceptual distance against its formula written out, and its properties."""

import numpy as np
import pytest

from models.metrics.perceptual import perceptual_distance
from models.metrics.random_features import RandomFeatures


def layers(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in ((3, 4, 6, 5), (3, 7, 3, 2))]


def test_is_the_formula_written_out() -> None:
    ours, theirs = layers(0), layers(1)
    expected = np.zeros(3)
    for n in range(3):
        for a, b in zip(ours, theirs):
            _, height, width = a[n].shape
            for y in range(height):
                for x in range(width):
                    u, v = a[n, :, y, x] / np.linalg.norm(a[n, :, y, x]), b[n, :, y, x] / np.linalg.norm(b[n, :, y, x])
                    expected[n] += ((u - v) ** 2).sum() / (height * width)
    np.testing.assert_allclose(perceptual_distance(ours, theirs), expected, rtol=1e-9)


def test_length_of_features_does_not_matter_and_dead_pixels_are_equal() -> None:
    ours = layers(0)
    np.testing.assert_allclose(perceptual_distance(ours, [3.0 * layer for layer in ours]), 0.0, atol=1e-15)
    dead = [np.zeros_like(layer) for layer in ours]
    np.testing.assert_array_equal(perceptual_distance(dead, dead), 0.0)


def test_a_blurred_picture_is_nearer_than_another_one() -> None:
    rng = np.random.default_rng(0)
    picture = np.repeat(np.repeat(rng.integers(0, 255, (1, 8, 8, 3)), 8, axis=1), 8, axis=2).astype(np.uint8)
    softer = ((picture.astype(int) + np.roll(picture, 1, axis=2)) // 2).astype(np.uint8)
    embedder = RandomFeatures()
    near, far = (perceptual_distance(embedder.layers(picture), embedder.layers(other)) for other in (softer, picture[:, ::-1, ::-1].copy()))
    assert 0.0 < near[0] < 0.5 * far[0]


def test_unlike_layers_are_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        perceptual_distance(layers(0), layers(0)[:1])
