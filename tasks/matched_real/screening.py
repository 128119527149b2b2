"""Whether a generated picture shows one object before a white background."""

from dataclasses import dataclass

import cv2
import numpy as np

from data_specs.base_pictures import ScreeningParams

BORDER_SHARE, GAP_SHARE = 1 / 32, 1 / 32
"""Of a picture's side: how wide its border is, and how far apart two parts of one object may lie (a highlight is white, too)."""


@dataclass(frozen=True)
class Refusal:
    """The rule that a picture breaks, by how much, and what is wrong in words."""

    rule: str
    score: float
    threshold: float
    message: str


def screen(picture: np.ndarray, params: ScreeningParams) -> Refusal | None:
    """The first rule that a picture (S, S, 3) uint8 breaks, or None.

    background_not_white: too few of the border's pixels are white. no_object: nothing is large enough to be one. several_objects: the rest falls
    into more than one part (connected components, OpenCV).
    """
    white = picture.min(axis=-1) >= params.white_level
    border = float(_border(white).mean())
    if border < params.white_border:
        return Refusal("background_not_white", round(border, 4), params.white_border, f"{border:.1%} of its border is white")
    shares = _object_shares(~white)
    largest = float(shares.max(initial=0.0))
    if largest < params.object_share:
        return Refusal("no_object", round(largest, 4), params.object_share, f"its largest object fills {largest:.2%} of it")
    count = int((shares >= params.object_share).sum())
    return Refusal("several_objects", float(count), 1.0, f"it shows {count} objects") if count > 1 else None


def _border(white: np.ndarray) -> np.ndarray:
    """The pixels along the four edges, each once."""
    width = max(1, round(len(white) * BORDER_SHARE))
    inside = np.zeros_like(white)
    inside[width:-width, width:-width] = True
    return white[~inside]


def _object_shares(coloured: np.ndarray) -> np.ndarray:
    """How much of the picture each connected part fills, with small gaps closed."""
    gap = 2 * round(len(coloured) * GAP_SHARE / 2) + 1
    closed = cv2.morphologyEx(coloured.astype(np.uint8), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap)))
    _, _, statistics, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    return statistics[1:, cv2.CC_STAT_AREA] / coloured.size
