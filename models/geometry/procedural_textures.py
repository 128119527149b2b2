"""The two looks of a painted surface: soft shading of one colour (a cheap 3D asset), or the material as a photograph shows it.

Patterns live in space, not in the texture, so they run over seams and edges as they do in solid matter. Letters: N texels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

TILE = 256
OBLIQUE = np.array([[0.86, -0.29, -0.42], [-0.09, 0.74, -0.66], [0.31, 0.83, 0.46], [-0.88, 0.12, 0.47]], np.float32)
"""Two projections of space to a plane (two rows each); no axis-parallel face meets one edge-on."""

SOFT_SHADE = 0.22
"""How much brighter the top of a part is than its foot in the synthetic domain."""


class Noise:
    """Stationary noise in space with mean 0 and standard deviation 1."""

    def __init__(self, rng: np.random.Generator) -> None:
        fine = cv2.GaussianBlur(np.pad(rng.random((TILE, TILE), np.float32), 4, mode="wrap"), (9, 9), 1.0)[4:-4, 4:-4]
        cloud = np.zeros((TILE, TILE), np.float32)
        for octave in range(6):
            cells, step = 4 << octave, TILE // (4 << octave)
            grown = cv2.resize(np.pad(rng.random((cells, cells), np.float32), 2, mode="wrap"), None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
            cloud += np.float32(0.6**octave) * grown[2 * step : 2 * step + TILE, 2 * step : 2 * step + TILE]
        self._fine, self._cloud = ((tile - tile.mean()) / tile.std() for tile in (fine, cloud))
        self._rng = rng

    def cloud(self, points: np.ndarray, frequency: float | tuple[float, float, float]) -> np.ndarray:
        """Fractal noise (N,) at points (N, 3): largest features of 1 / frequency units (per axis), finest of 1 / 32 of that."""
        return self._look_up(self._cloud, points, frequency, TILE / 4.0)

    def fine(self, points: np.ndarray, frequency: float | tuple[float, float, float]) -> np.ndarray:
        """Noise (N,) of one feature size, 1 / frequency units (per axis)."""
        return self._look_up(self._fine, points, frequency, 4.0)

    def _look_up(self, tile: np.ndarray, points: np.ndarray, frequency: float | tuple[float, float, float], pixels: float) -> np.ndarray:
        projections = OBLIQUE * (np.asarray(frequency, np.float32) * np.float32(pixels / TILE))
        affine = np.concatenate([projections, self._rng.uniform(0.0, 1.0, (4, 1)).astype(np.float32)], axis=1)
        places = [np.asarray(cv2.transform(points[:, None], row[None])).reshape(-1) for row in affine]
        for place in places:
            np.multiply(place - np.floor(place), np.float32(TILE), out=place)
        return (_remap(tile, places[0], places[1]) + _remap(tile, places[2], places[3])) * np.float32(0.7071)


LINE = 1024
"""OpenCV looks up pictures of at most 32,767 rows and columns, so a long list of places is folded into lines of this length."""


def _remap(tile: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear lookup (N,) in a tile that repeats, at pixels x, y (N,)."""
    found, whole = np.empty(len(x), np.float32), len(x) // LINE * LINE
    for chosen in (slice(0, whole), slice(whole, None)):
        if len(x[chosen]):
            lines = (x[chosen].reshape(-1, min(LINE, len(x[chosen]))), y[chosen].reshape(-1, min(LINE, len(x[chosen]))))
            found[chosen] = np.asarray(cv2.remap(tile, *lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)).reshape(-1)
    return found


@dataclass(frozen=True)
class Surface:
    """The texels of one part as patterns see them, in units of the canonical object frame.

    points: (N, 3) float32 in the part's own axes, about its centre; for patterns with a grain, the longest side is axis 1.
    facing: (N,) which of those axes the surface faces. half: (3,) half sides of the part along them.
    """

    points: np.ndarray
    facing: np.ndarray
    half: np.ndarray
    noise: Noise

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Two coordinates (N,) along the surface: upright ones on walls, x and z on tops."""
        x, y, z = self.points.T
        return np.where(self.facing == 0, z, x), np.where(self.facing == 1, z, y)

    def edge(self) -> np.ndarray:
        """How near the edges of the part's box a texel is: (N,), 1 on an edge, 0 in the middle of a face."""
        x, y, z = (np.abs(self.points) * (1.0 / np.maximum(self.half, 1e-6))).T
        return np.maximum(np.minimum(x, y), np.minimum(np.maximum(x, y), z))


Look = tuple[np.ndarray, list[tuple[np.ndarray, tuple[float, float, float]]]]
"""Relative brightness (N,), then what lies on top: cover (N,) in [0, 1] and its sRGB."""


def _hash(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A number in [0, 1) for each cell of a lattice."""
    return np.abs(np.sin(x * 12.9898 + y * 78.233) * 43758.547) % 1.0


def _wood(s: Surface) -> Look:
    drift = s.noise.cloud(s.points, (1.4, 0.35, 1.4))
    rings = np.sin(np.hypot(s.points[:, 0] + 0.37, s.points[:, 2] + 0.23) * 62.0 + 2.2 * drift)
    pores = s.noise.fine(s.points, (26.0, 2.2, 26.0))
    return 0.13 * rings + 0.06 * pores + 0.05 * drift - 0.22 * (pores > 1.6), []


def _gloss(s: Surface) -> Look:
    patina = s.noise.cloud(s.points, 2.0)
    worn = np.clip((s.edge() - 0.95) * 9.0 + 0.34 * patina - 0.45, 0.0, 0.6) * 1.5
    return 0.03 * patina + 0.05 * s.noise.fine(s.points, (18.0, 3.0, 18.0)), [(np.minimum(worn, 0.9), (0.74, 0.62, 0.46))]


def _enamel(s: Surface) -> Look:
    patina = s.noise.cloud(s.points, 2.2)
    rust = np.clip((s.edge() - 0.93) * 6.0 + patina - 2.0, 0.0, 0.4) * 2.2
    dirt = s.noise.cloud(s.points, (5.0, 0.8, 5.0))
    return 0.04 * s.noise.fine(s.points, 20.0) - 0.05 * np.clip(dirt, 0.0, 2.0), [(rust, (0.42, 0.22, 0.12))]


def _metal(s: Surface) -> Look:
    brushed = s.noise.fine(s.points, (1.2, 30.0, 1.2))
    stains = np.clip(s.noise.cloud(s.points, 2.5) - 0.6, 0.0, 2.0)
    scratches = s.noise.fine(s.points, (14.0, 1.0, 14.0)) > 2.1
    return 0.09 * brushed - 0.08 * stains + 0.2 * scratches + 0.12 * (s.edge() > 0.96), []


def _plastic(s: Surface) -> Look:
    scratches = s.noise.fine(s.points, (16.0, 1.1, 3.0)) > 2.0
    dust = np.clip(s.noise.cloud(s.points, 3.0) - 0.9, 0.0, 1.0) * 0.18
    return 0.055 * s.noise.fine(s.points, 24.0) + 0.14 * scratches, [(dust, (0.78, 0.76, 0.72))]


def _ceramic(s: Surface) -> Look:
    glaze = s.noise.cloud(s.points, 2.0)
    crackle = np.exp(-((s.noise.cloud(s.points, 2.6) / 0.05) ** 2))
    speckle = np.clip(s.noise.fine(s.points, 14.0) - 1.7, 0.0, 0.5) * 1.5
    return 0.07 * glaze - 0.10 * crackle, [(speckle, (0.26, 0.19, 0.14))]


def _glass(s: Surface) -> Look:
    flow = s.noise.cloud(s.points, (1.6, 0.4, 1.6))
    bubbles = np.clip(s.noise.fine(s.points, 11.0) - 1.9, 0.0, 0.5)
    return 0.16 * flow + 0.07 * s.noise.fine(s.points, (20.0, 2.0, 20.0)), [(bubbles, (0.92, 0.95, 0.93))]


def _fabric(s: Surface) -> Look:
    across, up = s.flat()
    threads = 2.0 * np.pi * 13.0
    weave = np.sin(across * threads) * np.sin(up * threads)
    return 0.13 * weave + 0.06 * s.noise.fine(s.points, 16.0) + 0.03 * s.noise.cloud(s.points, 2.5), []


def _leather(s: Surface) -> Look:
    pebbles = np.abs(s.noise.fine(s.points, 13.0))
    creases = np.exp(-((s.noise.cloud(s.points, 2.0) / 0.06) ** 2))
    return -0.17 * pebbles - 0.16 * creases + 0.07 * s.noise.cloud(s.points, 1.5), []


def _stone(s: Surface) -> Look:
    cracks = np.exp(-((s.noise.cloud(s.points, 1.8) / 0.05) ** 2))
    return 0.10 * s.noise.cloud(s.points, 3.0) + 0.11 * s.noise.fine(s.points, 20.0) - 0.22 * cracks, []


def _brick(s: Surface) -> Look:
    across, up = s.flat()
    row = np.floor(up * 9.0)
    column = across * 4.2 + 0.5 * (row % 2.0)
    mortar = np.maximum((up * 9.0) % 1.0 < 0.17, column % 1.0 < 0.09)
    tone = 0.34 * (_hash(np.floor(column), row) - 0.5)
    return tone + 0.07 * s.noise.cloud(s.points, 5.0) + 0.05 * s.noise.fine(s.points, 20.0), [(0.8 * mortar, (0.74, 0.71, 0.66))]


def _tile(s: Surface) -> Look:
    across, up = s.flat()
    row = np.floor(up * 9.0)
    column = across * 7.0 + 0.5 * (row % 2.0)
    lip = (up * 9.0) % 1.0
    gap = np.abs(column % 1.0 - 0.5) > 0.45
    return 0.30 * (_hash(np.floor(column), row) - 0.5) - 0.35 * (lip < 0.2) - 0.22 * gap + 0.08 * s.noise.cloud(s.points, 5.0), []


def _foliage(s: Surface) -> Look:
    leaves, clumps = s.noise.fine(s.points, 9.0), s.noise.cloud(s.points, 3.0)
    veins = np.exp(-((s.noise.fine(s.points, 6.0) / 0.12) ** 2))
    return 0.17 * leaves + 0.13 * clumps + 0.10 * veins - 0.25 * (leaves < -1.3), []


def _skin(s: Surface) -> Look:
    streaks = s.noise.cloud(s.points, (4.0, 0.7, 4.0))
    dots = np.clip(s.noise.fine(s.points, 9.0) - 1.6, 0.0, 0.6)
    return 0.09 * streaks + 0.05 * s.noise.fine(s.points, 20.0), [(dots, (0.93, 0.88, 0.68))]


def _bark(s: Surface) -> Look:
    ridges = np.abs(s.noise.cloud(s.points, (7.0, 1.3, 7.0)))
    return 0.26 * np.minimum(ridges, 1.8) + 0.08 * s.noise.fine(s.points, 16.0), []


def _paper(s: Surface) -> Look:
    folds = np.exp(-((s.noise.cloud(s.points, 1.3) / 0.035) ** 2))
    return 0.05 * s.noise.fine(s.points, (20.0, 12.0, 20.0)) - 0.12 * folds + 0.02 * s.noise.cloud(s.points, 3.0), []


def _print(s: Surface) -> Look:
    across, up = s.flat()
    row = up * 15.0
    words = _hash(np.floor(across * 22.0), np.floor(row)) > 0.3
    text = (row % 1.0 < 0.5) & words & (_hash(np.floor(row), np.floor(row)) > 0.25) & (s.facing != 1)
    return 0.04 * s.noise.fine(s.points, 16.0), [(0.6 * text, (0.16, 0.15, 0.17))]


def _rubber(s: Surface) -> Look:
    dust = np.clip(s.noise.cloud(s.points, 3.0) - 0.4, 0.0, 1.4) * 0.25
    return 0.16 * s.noise.fine(s.points, 14.0), [(dust, (0.45, 0.42, 0.38))]


def _snow(s: Surface) -> Look:
    return 0.045 * s.noise.cloud(s.points, 3.0) + 0.035 * s.noise.fine(s.points, 18.0) - 0.14 * (s.noise.fine(s.points, 7.0) > 2.2), []


PATTERNS: dict[str, Callable[[Surface], Look]] = {
    "wood": _wood,
    "gloss": _gloss,
    "enamel": _enamel,
    "metal": _metal,
    "plastic": _plastic,
    "ceramic": _ceramic,
    "glass": _glass,
    "fabric": _fabric,
    "leather": _leather,
    "stone": _stone,
    "brick": _brick,
    "tile": _tile,
    "foliage": _foliage,
    "skin": _skin,
    "bark": _bark,
    "paper": _paper,
    "print": _print,
    "rubber": _rubber,
    "snow": _snow,
}
"""Material -> its look as a photograph shows it."""

GRAINED = ("wood", "gloss", "metal", "plastic", "leather")
"""Materials whose pattern follows the longest side of a part instead of standing upright."""


def soft_look(height: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The synthetic domain: sRGB (N, 3) with mean `base` (3,), a little brighter towards the top; height: (N,) in [0, 1]."""
    return base * (1.0 + SOFT_SHADE * (height[:, None] - height.mean()))


def detailed_look(material: str, surface: Surface, base: np.ndarray) -> np.ndarray:
    """The photographic domain: sRGB (N, 3) of a material with mean colour `base` (3,)."""
    brightness, layers = PATTERNS[material](surface)
    colour = base * (1.0 + brightness[:, None])
    for cover, over in layers:
        colour += cover[:, None] * (np.array(over, np.float32) - colour)
    for _ in range(2):
        np.clip(colour, 0.0, 1.0, out=colour)
        colour += base - np.array(cv2.mean(colour[:, None])[:3], np.float32)
    return colour
