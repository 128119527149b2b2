"""Surfaces: the detailed one has the colour of the smooth one and far more fine detail; both tile."""

import numpy as np
import pytest

from models.geometry.procedural_textures import COLOURS, PATTERNS, centred, detailed_surface, noise, smooth_surface

SIZE = 112


def fine_detail(picture: np.ndarray) -> float:
    """Mean squared difference of neighbouring pixels."""
    return float((np.diff(picture, axis=0) ** 2).mean() + (np.diff(picture, axis=1) ** 2).mean())


@pytest.mark.parametrize("material", PATTERNS)
def test_same_mean_colour_and_more_detail(material: str) -> None:
    colour = np.array(COLOURS["brown"], np.float32)
    smooth = smooth_surface(colour, SIZE, np.random.default_rng(0))
    detailed = detailed_surface(material, colour, SIZE, np.random.default_rng(0))
    assert np.abs(detailed.mean((0, 1)) - colour).max() < 0.01
    assert np.abs(smooth.mean((0, 1)) - colour).max() < 0.03
    assert fine_detail(detailed) > 10.0 * fine_detail(smooth)


def test_noise_has_no_seam() -> None:
    field = noise(128, (8, 8), np.random.default_rng(1))
    inside = np.abs(np.diff(field, axis=0)).max()
    assert np.abs(field[0] - field[-1]).max() <= 1.5 * inside


def test_mean_survives_clipping() -> None:
    wild = np.random.default_rng(2).normal(0.5, 1.0, (64, 64, 3)).astype(np.float32)
    target = np.array([0.4, 0.5, 0.6], np.float32)
    assert np.abs(centred(wild, target).mean((0, 1)) - target).max() < 0.05
