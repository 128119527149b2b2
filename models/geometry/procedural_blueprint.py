"""An object in the making: its pieces, the surface of each, and the words for both."""

from dataclasses import dataclass, field

import numpy as np

from models.geometry.procedural_pieces import Part
from models.geometry.procedural_textures import COLOURS


@dataclass
class Blueprint:
    """Collects pieces. surfaces: (material, colour word) by number. parts: (piece, number of its surface)."""

    rng: np.random.Generator
    surfaces: list[tuple[str, str]] = field(default_factory=list)
    parts: list[tuple[Part, int]] = field(default_factory=list)

    def surface(self, material: str, colour: str) -> int:
        """Number of a surface; the same material and colour share one."""
        if (material, colour) not in self.surfaces:
            self.surfaces.append((material, colour))
        return self.surfaces.index((material, colour))

    def add(self, surface: int, *parts: Part) -> None:
        """Put pieces of one surface in place."""
        self.parts += [(part, surface) for part in parts]

    def colour(self, *excluded: str) -> str:
        """A colour word other than `excluded`."""
        return self.pick(*[name for name in COLOURS if name not in excluded])

    def pick(self, *options: str) -> str:
        """One of the words, all equally likely."""
        return options[int(self.rng.integers(len(options)))]

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))


def a(words: str) -> str:
    """Put the right indefinite article before words."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
