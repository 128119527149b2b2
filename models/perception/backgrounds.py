"""Textured backdrops for composed pictures."""

import cv2
import numpy as np

BACKGROUNDS = ("gradient", "grain", "wood", "tiles", "cloth")


def draw_background(kind: str, size_pixels: int, rng: np.random.Generator) -> np.ndarray:
    """A textured backdrop, (size, size, 3) float32 sRGB in [0, 255]: two colours, a pattern, a fall-off of light."""
    y, x = np.mgrid[:size_pixels, :size_pixels].astype(np.float32) / size_pixels
    first = rng.uniform(40, 230, 3).astype(np.float32)
    second = np.clip(first + rng.uniform(-45, 45, 3), 0, 255).astype(np.float32)
    if kind == "gradient":
        weight = np.clip(x * rng.uniform(-1, 1) + y, 0, 1)
    elif kind == "grain":
        weight = _noise(size_pixels, 4, rng)
    elif kind == "wood":
        weight = 0.5 + 0.5 * np.sin(40 * (x + 0.15 * _noise(size_pixels, 6, rng)))
    elif kind == "tiles":
        weight = ((np.floor(x * 7) + np.floor(y * 7)) % 2) * 0.8
    else:
        weight = 0.5 + 0.25 * np.sin(120 * x) + 0.25 * np.sin(120 * y)
    colour = first + np.clip(weight, 0, 1)[..., None] * (second - first)
    light = 1.0 - 0.25 * ((x - rng.uniform(0, 1)) ** 2 + (y - rng.uniform(0, 1)) ** 2)
    return np.clip(colour * light[..., None] + rng.normal(0, 3, (size_pixels, size_pixels, 1)), 0, 255).astype(np.float32)


def _noise(size_pixels: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    octaves = [cv2.resize(rng.uniform(0, 1, (cells << i, cells << i)).astype(np.float32), (size_pixels,) * 2) / 2**i for i in range(4)]
    total = np.sum(octaves, axis=0)
    return (total - total.min()) / float(np.ptp(total))
