"""What else does a picture show? What the detector found elsewhere, and what it finds once the object is painted out.

A second object that touches the first, or is fainter than it, is easily overlooked beside it; alone it is found. What stands at the picture's border
may without the object look like scenery, and was found at first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from models.perception.base import Box, Detector, Picture
from models.perception.detector import is_cut_out

REACH_SHARE = 0.06
"""Of the object's longer side: so far beyond its outline is painted too, for outlines are not exact."""

PAINTED_SIDE, BRUSH_PIXELS = 256, 3
MOST_PAINTED = 0.7
"""Share of a box that was painted: more shows the paint, or a rest of the object."""

BORDER_SHARE = 0.02
"""Of the shorter side: a box that comes so near to the picture's border touches it."""

ELSEWHERE = 0.1
"""Boxes that share less of the smaller one's area show different things."""

MOST_OTHERS = 3
"""Of each look."""


@dataclass(frozen=True)
class Other:
    """Something beside the object. box: its score as the detector has it. inside: its pixels without those of the object, (H, W) bool."""

    box: Box
    inside: np.ndarray


def look_again(
    pictures: list[Picture], phrases: list[str], objects: list[np.ndarray], before: list[tuple[Box, ...]], detector: Detector
) -> list[list[Other]]:
    """What each picture shows beside its object, best first; nothing for a cut-out, where alpha says what the object is.

    objects: the pixels of the object, (H, W) bool each, not empty. before: what the detector said of the picture as it is, the object first.
    """
    places = [place for place, picture in enumerate(pictures) if not is_cut_out(picture)]
    painted = {place: paint_out(pictures[place], objects[place]) for place in places}
    found = detector.detect([painted[place][0] for place in places], [phrases[place] for place in places]) if places else []
    others: list[list[Other]] = [[] for _ in pictures]
    for place, boxes in zip(places, found, strict=True):
        where = painted[place][1]
        both = _beside(boxes, where) + _beside(elsewhere(before[place]), where)
        others[place] = sorted(both, key=lambda other: -other.box.score)
    return others


def elsewhere(boxes: Sequence[Box]) -> list[Box]:
    """The boxes that show something else than the first one."""
    return [other for other in boxes[1:] if _shared(boxes[0], other) < ELSEWHERE]


def paint_out(picture: Picture, inside: np.ndarray) -> tuple[Picture, np.ndarray]:
    """The picture with its object, (H, W) bool and not empty, in the colours around it (Telea 2004), and where it was painted, (H, W) bool."""
    rows, columns = np.nonzero(inside)
    reach = max(2, round(REACH_SHARE * (max(int(np.ptp(rows)), int(np.ptp(columns))) + 1)))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    where = cv2.dilate(inside.astype(np.uint8), brush)
    height, width = picture.size
    scale = min(1.0, PAINTED_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA)
    # Every small pixel that holds some of the object: none of its colours may be spread.
    hole = (cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    filled = cv2.resize(cv2.inpaint(small, hole, BRUSH_PIXELS, cv2.INPAINT_TELEA), (width, height), interpolation=cv2.INTER_LINEAR)
    painted = where.astype(bool)
    return replace(picture, rgb=np.where(painted[..., None], filled, picture.rgb)), painted


def _beside(boxes: list[Box], painted: np.ndarray) -> list[Other]:
    """The first boxes that show neither paint nor scenery."""
    others = []
    for box in boxes:
        window = np.zeros_like(painted)
        window[int(max(box.top, 0)) : int(np.ceil(box.bottom)), int(max(box.left, 0)) : int(np.ceil(box.right))] = True
        inside = window & ~painted
        if not _is_scenery(box, painted.shape) and np.count_nonzero(inside) > (1.0 - MOST_PAINTED) * np.count_nonzero(window):
            others.append(Other(box, inside))
    return others[:MOST_OTHERS]


def _is_scenery(box: Box, size: tuple[int, ...]) -> bool:
    """Whether a box reaches from one side of the picture, height and width, to the opposite one: a floor, a bench, a stripe of a pattern."""
    (height, width), edge = size, BORDER_SHARE * min(size)
    return (box.left <= edge and box.right >= width - edge) or (box.top <= edge and box.bottom >= height - edge)


def _shared(one: Box, other: Box) -> float:
    """Intersection over the smaller area."""
    width, height = min(one.right, other.right) - max(one.left, other.left), min(one.bottom, other.bottom) - max(one.top, other.top)
    areas = ((box.right - box.left) * (box.bottom - box.top) for box in (one, other))
    return max(width, 0.0) * max(height, 0.0) / max(min(areas), 1e-9)
