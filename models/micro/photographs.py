"""What the micro base learns from: pictures before drawn backdrops, with prompts that say what is seen.

A prompt is the caption, then, each with its own probability, the view word, the paper's phrase for photographs, and the backdrop. White is
always named: without the words a picture has any backdrop.
"""

import cv2
import numpy as np

from models.diffusion.picture_sampling import PHRASE
from models.diffusion.pictures import to_levels
from models.diffusion.samples import MATCHED_RECORD, Decoded

WHITE_SHARE = 0.6
VIEW_SHARE, PHRASE_SHARE, BACKDROP_SHARE = 0.5, 0.5, 0.7
"""How often a prompt has its view word, the phrase, and the name of a backdrop that is not white."""

BACKDROPS: dict[str, tuple[int, int, int]] = {
    "grey": (128, 128, 128),
    "black": (28, 28, 30),
    "blue": (86, 128, 196),
    "green": (104, 160, 96),
    "red": (190, 72, 64),
    "yellow": (226, 196, 92),
    "brown": (138, 104, 76),
}
"""Name -> sRGB in the middle."""


def prompt_for(caption: str, view_word: str, backdrop: str, rng: np.random.Generator) -> str:
    """A training prompt. backdrop: "white" or a key of BACKDROPS."""
    shares = (1.0, VIEW_SHARE, PHRASE_SHARE, 1.0 if backdrop == "white" else BACKDROP_SHARE)
    parts = (caption, f"{view_word} view", PHRASE, f"{backdrop} background")
    return ", ".join(part for part, said in zip(parts, rng.random(4) < shares) if said)


def draw_backdrop(name: str, side: int, rng: np.random.Generator) -> np.ndarray:
    """A wall and a floor of one colour in uneven light, (side, side, 3) uint8 sRGB; "white" is plain white."""
    if name == "white":
        return np.full((side, side, 3), 255, np.uint8)
    height = np.linspace(0.0, 1.0, side)[:, None]
    light = 1.0 + rng.uniform(-0.25, 0.25) * (np.linspace(-1.0, 1.0, side)[None] + rng.uniform(-1.0, 1.0)) + rng.uniform(-0.15, 0.15) * height
    horizon = rng.uniform(0.55, 0.9)
    light = light * np.where(height > horizon, rng.uniform(0.8, 1.15), 1.0)
    colour = np.array(BACKDROPS[name]) + rng.uniform(-18.0, 18.0, 3)
    return np.clip(light[..., None] * colour, 0.0, 255.0).astype(np.uint8)


def before(rgba: np.ndarray, backdrop: np.ndarray) -> np.ndarray:
    """Composite straight alpha over a backdrop in sRGB values, as `pictures.on_white` does: (H, W, 4), (H, W, 3) uint8 -> (H, W, 3) uint8."""
    alpha = cv2.merge([rgba[..., 3].astype(np.float32) / 255.0] * 3)
    mixed = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB) * alpha + backdrop * (1.0 - alpha)
    return np.rint(mixed).astype(np.uint8)


def draw_photographs(sample: Decoded, places: list[int], rng: np.random.Generator, white_share: float = WHITE_SHARE) -> tuple[np.ndarray, list[str]]:
    """Pictures of a matched real sample before drawn backdrops, (n, 3, H, W) uint8, and their prompts."""
    record = sample[MATCHED_RECORD]
    pictures, prompts = [], []
    for place in places:
        rgba = sample[record["members"][place]]
        name = "white" if rng.random() < white_share else list(BACKDROPS)[rng.integers(len(BACKDROPS))]
        pictures.append(before(rgba, draw_backdrop(name, len(rgba), rng)))
        prompts.append(prompt_for(record["caption"], record["view_words"][place], name, rng))
    return to_levels(pictures).numpy(), prompts


def draw_white_prompts(sample: Decoded, places: list[int], rng: np.random.Generator) -> list[str]:
    """The prompts of `draw_photographs` where all backdrops are white, from the same draws."""
    record, prompts = sample[MATCHED_RECORD], []
    for place in places:
        rng.random()  # of the backdrop
        prompts.append(prompt_for(record["caption"], record["view_words"][place], "white", rng))
    return prompts
