"""Surfaces of the procedural world: for each material a smooth picture (cheap 3D asset) and a detailed one (photograph) of the same mean colour.

Pictures are (S, S, 3) float32 sRGB in [0, 1] and tile without a seam.
"""

from collections.abc import Callable

import cv2
import numpy as np

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.78, 0.16, 0.14),
    "orange": (0.92, 0.50, 0.14),
    "yellow": (0.93, 0.78, 0.22),
    "green": (0.25, 0.55, 0.25),
    "teal": (0.15, 0.55, 0.55),
    "blue": (0.18, 0.36, 0.72),
    "purple": (0.47, 0.26, 0.60),
    "pink": (0.92, 0.55, 0.66),
    "brown": (0.46, 0.29, 0.17),
    "beige": (0.82, 0.72, 0.56),
    "white": (0.90, 0.89, 0.86),
    "grey": (0.55, 0.56, 0.57),
    "black": (0.13, 0.13, 0.14),
}
"""Colour word -> sRGB."""

Pattern = Callable[[int, np.random.Generator], np.ndarray]


def noise(size: int, cells: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Smooth noise (S, S) float32 about 0 with `cells` (down, across) features; tiles."""
    grid = rng.standard_normal(cells).astype(np.float32)
    wrapped = np.pad(grid, 2, mode="wrap")
    scale_y, scale_x = size / cells[0], size / cells[1]
    big = cv2.resize(wrapped, (round(wrapped.shape[1] * scale_x), round(wrapped.shape[0] * scale_y)), interpolation=cv2.INTER_CUBIC)
    top, left = round(2 * scale_y), round(2 * scale_x)
    return big[top : top + size, left : left + size]


def fractal(size: int, cells: int, octaves: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of several scales, each half as strong as the one before, (S, S) float32 of unit variance."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        count = min(cells << octave, size)
        total += noise(size, (count, count), rng) / 2**octave
    return total / max(float(total.std()), 1e-6)


def _across(size: int) -> np.ndarray:
    return np.linspace(0.0, 2.0 * np.pi, size, endpoint=False, dtype=np.float32)


def _wood(size: int, rng: np.random.Generator) -> np.ndarray:
    rings = np.sin(_across(size)[:, None] * rng.integers(4, 8) + 1.5 * noise(size, (4, 3), rng))
    grain = noise(size, (size // 2, 6), rng)
    return 0.16 * rings + 0.13 * grain - 0.25 * (noise(size, (size // 3, 8), rng) > 2.2)


def _metal(size: int, rng: np.random.Generator) -> np.ndarray:
    brushed = noise(size, (size, 4), rng)
    stains = np.clip(fractal(size, 3, 4, rng) - 1.0, 0.0, 1.5)
    return 0.10 * brushed - 0.22 * stains + 0.05 * fractal(size, 2, 2, rng)


def _fabric(size: int, rng: np.random.Generator) -> np.ndarray:
    threads = rng.integers(14, 20)
    wave = _across(size) * threads
    weave = np.sin(wave)[:, None] * np.sin(wave)[None, :]
    return 0.17 * weave + 0.10 * noise(size, (size // 2, size // 2), rng) + 0.06 * fractal(size, 3, 3, rng)


def _ceramic(size: int, rng: np.random.Generator) -> np.ndarray:
    speckle = noise(size, (size // 3, size // 3), rng) > 1.7
    return 0.09 * fractal(size, 3, 3, rng) - 0.38 * speckle


def _stone(size: int, rng: np.random.Generator) -> np.ndarray:
    cracks = np.exp(-((fractal(size, 3, 3, rng) / 0.07) ** 2))
    return 0.15 * fractal(size, 4, 6, rng) - 0.35 * cracks


def _leather(size: int, rng: np.random.Generator) -> np.ndarray:
    return -0.24 * np.abs(noise(size, (size // 6, size // 6), rng)) + 0.12 * fractal(size, 3, 3, rng)


def _plastic(size: int, rng: np.random.Generator) -> np.ndarray:
    scratches = noise(size, (5, size // 2), rng) * noise(size, (size // 2, 5), rng)
    return 0.06 * noise(size, (size // 2, size // 2), rng) + 0.10 * np.clip(np.abs(scratches) - 1.2, 0, 1) + 0.05 * fractal(size, 2, 3, rng)


def _leaf(size: int, rng: np.random.Generator) -> np.ndarray:
    angle = _across(size)
    veins = np.abs(np.sin(4 * angle[:, None] + 2.5 * np.abs(np.sin(angle[None, :] / 2))))
    return 0.22 * np.exp(-((veins / 0.15) ** 2)) + 0.12 * fractal(size, 8, 4, rng) - 0.1 * (noise(size, (size // 4, size // 4), rng) > 1.5)


def _bark(size: int, rng: np.random.Generator) -> np.ndarray:
    ridges = np.abs(noise(size, (6, 22), rng) + 0.4 * fractal(size, 6, 3, rng))
    return 0.28 * np.minimum(ridges, 1.5) + 0.10 * noise(size, (size // 3, size // 3), rng)


def _fruit(size: int, rng: np.random.Generator) -> np.ndarray:
    dots = noise(size, (size // 4, size // 4), rng) > 1.8
    return 0.12 * noise(size, (3, 26), rng) + 0.26 * dots + 0.08 * fractal(size, 2, 3, rng)


def _brick(size: int, rng: np.random.Generator) -> np.ndarray:
    rows, columns = 10, 5
    y, x = np.meshgrid(np.arange(size) * rows / size, np.arange(size) * columns / size, indexing="ij")
    x = x + 0.5 * (np.floor(y) % 2)
    mortar = (y % 1.0 < 0.14) | (x % 1.0 < 0.07)
    tone = rng.normal(0.0, 0.13, (rows, columns)).astype(np.float32)[np.floor(y).astype(int), np.floor(x).astype(int) % columns]
    return np.where(mortar, np.float32(0.35), tone).astype(np.float32) + 0.09 * fractal(size, 8, 4, rng)


def _paper(size: int, rng: np.random.Generator) -> np.ndarray:
    fibres = noise(size, (size // 2, size // 3), rng)
    print_rows = (np.sin(_across(size)[:, None] * 9) > 0.55) & (noise(size, (9, 30), rng) > -0.2)
    return 0.06 * fibres - 0.30 * print_rows + 0.05 * fractal(size, 2, 3, rng)


PATTERNS: dict[str, Pattern] = {
    "wood": _wood,
    "metal": _metal,
    "fabric": _fabric,
    "ceramic": _ceramic,
    "stone": _stone,
    "leather": _leather,
    "plastic": _plastic,
    "leaf": _leaf,
    "bark": _bark,
    "fruit": _fruit,
    "brick": _brick,
    "paper": _paper,
}
"""Material -> brightness pattern of its detailed surface: (S, S) float32 relative to the mean."""


def smooth_surface(colour: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """One colour (3,) with a soft change of brightness."""
    return np.clip(colour * (1.0 + 0.03 * noise(size, (2, 2), rng)[..., None]), 0.0, 1.0).astype(np.float32)


def detailed_surface(material: str, colour: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """The material's pattern in the colour (3,), with a little drift of hue; its mean is that of the colour."""
    pattern = PATTERNS[material](size, rng)
    drift = 0.02 * np.stack([fractal(size, 3, 2, rng) for _ in range(3)], axis=-1)
    return centred(colour * (1.0 + (pattern - pattern.mean())[..., None] + drift), colour)


def centred(surface: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Clip to [0, 1] and shift so that the mean is `colour` in spite of it."""
    for _ in range(3):
        surface = np.clip(surface + (colour - np.clip(surface, 0.0, 1.0).mean((0, 1))), 0.0, 1.0)
    return surface.astype(np.float32)
