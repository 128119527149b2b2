"""Colours and materials of the procedural world, by the words that captions use for them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.geometry.procedural_grid import Grid

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (196, 38, 40),
    "orange": (236, 128, 34),
    "yellow": (246, 206, 58),
    "green": (58, 146, 68),
    "turquoise": (62, 188, 182),
    "blue": (44, 92, 192),
    "purple": (124, 64, 164),
    "pink": (242, 150, 184),
    "brown": (138, 82, 46),
    "beige": (224, 206, 174),
    "white": (240, 240, 236),
    "grey": (128, 130, 134),
    "black": (36, 36, 40),
}
"""sRGB. A colour that a caption names comes from here or from `TONES`."""

TONES: dict[str, tuple[int, int, int]] = {
    "oak": (194, 148, 94),
    "pine": (226, 182, 112),
    "walnut": (86, 58, 44),
    "steel": (172, 178, 186),
    "brass": (200, 166, 76),
    "copper": (188, 108, 76),
    "iron": (76, 78, 84),
}
"""sRGB of materials whose name says their colour."""

VIVID = ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink")
ANY = tuple(COLOURS)
WOODS, METALS = ("oak", "pine", "walnut"), ("steel", "brass", "copper", "iron")


@dataclass(frozen=True)
class Paint:
    """A colour in a material.

    name: a key of COLOURS or TONES. rgb: (3,) float32 sRGB in [0, 1], the mean of the painted surface.
    material: which pattern the photographic domain shows (a key of procedural_textures.PATTERNS).
    """

    name: str
    material: str
    rgb: np.ndarray

    @property
    def words(self) -> str:
        """As a caption says it: "blue ceramic", "red wooden" (paint on wood), "oak", "steel"."""
        return self.name if self.name in TONES else f"{self.name} {SPOKEN.get(self.material, self.material)}"


SPOKEN = {"gloss": "wooden", "enamel": "metal"}
"""Materials whose caption word differs from their own."""


def paint(name: str, material: str, rng: np.random.Generator) -> Paint:
    """A named colour in a material, slightly varied as batches of paint are."""
    base = np.array(COLOURS.get(name) or TONES[name], np.float32) / 255.0
    varied = base * rng.uniform(0.94, 1.04) + rng.uniform(-0.012, 0.012, 3)
    return Paint(name, material, np.clip(varied, 0.02, 0.96).astype(np.float32))


def draw_paint(material: str, rng: np.random.Generator, names: tuple[str, ...] = VIVID, without: tuple[str, ...] = ()) -> Paint:
    """A material in a colour drawn from `names` less `without`."""
    return paint(str(rng.choice([name for name in names if name not in without])), material, rng)


def draw_wood(rng: np.random.Generator) -> Paint:
    """A natural wood."""
    return draw_paint("wood", rng, WOODS)


def draw_metal(rng: np.random.Generator, names: tuple[str, ...] = METALS) -> Paint:
    """A bare metal."""
    return draw_paint("metal", rng, names)


Mask = Callable[[np.ndarray], np.ndarray]
"""Points (N, 3) in the designer's units -> cover (N,) in [0, 1]."""


@dataclass(frozen=True)
class Part:
    """One closed surface of an object, its paint and what is painted over it, in order."""

    grid: Grid
    paint: Paint
    marks: tuple[tuple[Mask, Paint], ...] = field(default=())


@dataclass(frozen=True)
class Design:
    """An object before it becomes a mesh."""

    parts: list[Part]
    caption: str


def inside(distance: np.ndarray, softness: float = 0.012) -> np.ndarray:
    """Cover (N,) in [0, 1] from a signed distance (N,), positive inside, with a soft edge."""
    return np.clip(distance / softness + 0.5, 0.0, 1.0)


def band(low: float, high: float, axis: int = 1) -> Mask:
    """Everything between two heights (or places along another axis)."""
    middle, half = (low + high) / 2.0, (high - low) / 2.0
    return lambda points: inside(half - np.abs(points[:, axis] - middle))


def spots(centres: np.ndarray, radius: np.ndarray | float) -> Mask:
    """Round spots: what lies within `radius` of centres (K, 3)."""
    radii = np.broadcast_to(radius, len(centres))

    def mask(points: np.ndarray) -> np.ndarray:
        cover, (x, y, z) = np.zeros(len(points), np.float32), np.ascontiguousarray(points.T)
        for centre, size in zip(np.asarray(centres, np.float32), radii.astype(np.float32), strict=True):
            near = np.flatnonzero((np.abs(x - centre[0]) < size + 0.02) & (np.abs(y - centre[1]) < size + 0.02))
            distance = np.sqrt((x[near] - centre[0]) ** 2 + (y[near] - centre[1]) ** 2 + (z[near] - centre[2]) ** 2)
            cover[near] = np.maximum(cover[near], inside(size - distance))
        return cover

    return mask


def front_rectangle(width: float, low: float, high: float, x: float = 0.0) -> Mask:
    """An upright rectangle on whatever faces +Z."""
    panel = band(low, high)
    return lambda points: panel(points) * inside(width / 2.0 - np.abs(points[:, 0] - x)) * (points[:, 2] > 0)


def dots(heights: tuple[float, ...], count: int, radius: float) -> Mask:
    """Rows of round dots around the Y axis, `count` to a row, every other row shifted by half a step."""
    step = 2.0 * np.pi / count

    def mask(points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        turn, reach, cover = np.arctan2(x, z) / step, np.hypot(x, z), np.zeros(len(points), np.float32)
        for row, height in enumerate(heights):
            share = turn + 0.5 * (row % 2)
            aside = (share - np.rint(share)) * step * reach
            cover = np.maximum(cover, inside(radius - np.hypot(aside, y - height)))
        return cover

    return mask


def stripes(count: int, share: float = 0.5) -> Mask:
    """Upright stripes around the Y axis, covering `share` of it."""
    return lambda points: inside(np.cos(count * np.arctan2(points[:, 0], points[:, 2])) - np.cos(np.pi * share), 0.25)


def article(words: str) -> str:
    """Put "a" or "an" before a phrase."""
    return ("an " if words[0] in "aeiou" else "a ") + words
