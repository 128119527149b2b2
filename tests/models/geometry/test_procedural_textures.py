"""Materials: the colour of the caption in the mean, fine detail only in the photographic domain, noise without seams."""

import numpy as np
import pytest

from models.geometry.procedural_textures import PATTERNS, Noise, Surface, detailed_look, soft_look

BASE = np.array([0.55, 0.4, 0.3], np.float32)
SIDE = 96


def wall(axis: int = 2) -> Surface:
    """A square wall of 1 x 1 object units that faces one axis, SIDE x SIDE texels."""
    across, up = np.meshgrid(np.linspace(-0.5, 0.5, SIDE), np.linspace(-0.5, 0.5, SIDE))
    points = np.insert(np.stack([across, up], axis=-1), axis, 0.4, axis=-1).reshape(-1, 3).astype(np.float32)
    return Surface(points, np.full(SIDE * SIDE, axis), np.array([0.5, 0.5, 0.5], np.float32), Noise(np.random.default_rng(1)))


def detail(colour: np.ndarray) -> float:
    """Mean squared difference of neighbouring texels."""
    picture = colour.reshape(SIDE, SIDE, 3)
    return float((np.diff(picture, axis=0) ** 2).mean() + (np.diff(picture, axis=1) ** 2).mean())


@pytest.mark.parametrize("material", PATTERNS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_detailed_has_the_same_mean_and_far_more_detail(material: str, axis: int) -> None:
    detailed = detailed_look(material, wall(axis), BASE)
    smooth = soft_look(np.repeat(np.linspace(0.0, 1.0, SIDE, dtype=np.float32), SIDE), BASE)
    assert np.allclose(detailed.mean(axis=0), BASE, atol=1e-3)
    assert np.allclose(smooth.mean(axis=0), BASE, atol=1e-3)
    assert detail(detailed) > 20.0 * detail(smooth)
    assert np.mean((detailed < -0.05) | (detailed > 1.05)) < 0.02


def test_materials_look_different() -> None:
    spectra = np.stack([np.abs(np.fft.rfft2(detailed_look(name, wall(), BASE).mean(axis=1).reshape(SIDE, SIDE)))[1:25, 1:25] for name in PATTERNS])
    flat = spectra.reshape(len(PATTERNS), -1)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    alike = flat @ flat.T - np.eye(len(PATTERNS))
    assert alike.max() < 0.97


@pytest.mark.parametrize("kind", ["cloud", "fine"])
def test_noise_is_standard_continuous_and_differs_between_draws(kind: str) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1.0, 1.0, (40_000, 3)).astype(np.float32)
    noise = Noise(np.random.default_rng(5))
    values = getattr(noise, kind)(points, 9.0)
    assert abs(values.mean()) < 0.1 and values.std() == pytest.approx(1.0, abs=0.25)
    assert abs(np.corrcoef(values, getattr(noise, kind)(points, 9.0))[0, 1]) < 0.3
    line = np.column_stack([np.linspace(-1.0, 1.0, 20_001), np.zeros((20_001, 2))]).astype(np.float32)
    assert np.abs(np.diff(getattr(noise, kind)(line, 9.0))).max() < 0.1


def test_edges_are_edges() -> None:
    middle, edge, corner = [0.0, 0.0, 1.0], [0.0, 2.0, 1.0], [3.0, 2.0, 1.0]
    surface = Surface(
        np.array([middle, edge, corner], np.float32), np.full(3, 2), np.array([3.0, 2.0, 1.0], np.float32), Noise(np.random.default_rng(0))
    )
    assert np.allclose(surface.edge(), [0.0, 1.0, 1.0])


def test_flat_coordinates_lie_in_the_surface() -> None:
    for axis in range(3):
        points = np.eye(3, dtype=np.float32)[[axis]] * 0.7
        across, up = Surface(points, np.array([axis]), np.ones(3, np.float32), Noise(np.random.default_rng(0))).flat()
        assert across == 0.0 and up == 0.0
