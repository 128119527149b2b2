"""Name to boxes: the detector of the parameters, and the embedded one, which goes by contrast with the border."""

from functools import cache

import cv2
import numpy as np

from data_specs.align_params import DetectorParams
from models.perception.base import Box, Detector, Picture
from models.perception.salience import THIN_FRAME, WIDE_FRAME, salience, surroundedness, working_lab

CLEAR_ALPHA = 250
SMALLEST_SHARE = 0.004
"""Of the picture: smaller regions are no objects."""

MOST_BOXES = 5
STRICTER = (0.0, 0.25, 0.5)
"""Thresholds between the picture's own and its most salient pixel."""

SHARP_EDGE = 12.0
"""8-bit Lab per pixel at working size: an outline this sharp counts fully. Light that falls off has none."""


@cache
def make_detector(params: DetectorParams) -> Detector:
    """The detector that the parameters choose, loaded once per process. Raises ValueError saying what is missing."""
    if params.kind == "contrast":
        return ContrastDetector(params.min_score)
    from models.perception.grounding_dino import GroundingDino

    return GroundingDino.open(params)


class ContrastDetector:
    """`Detector` without weights: cut-outs by their alpha, everything else by what stands out from the border. It does not read the phrase."""

    def __init__(self, min_score: float) -> None:
        self._min_score = min_score

    def detect(self, pictures: list[Picture], phrases: list[str]) -> list[list[Box]]:
        """Boxes of regions, best first; a box's score says how much its region stands out and how sharp its outline is."""
        found = [self._boxes(picture, phrase) for picture, phrase in zip(pictures, phrases, strict=True)]
        return [sorted((box for box in boxes if box.score >= self._min_score), key=lambda box: -box.score)[:MOST_BOXES] for boxes in found]

    def _boxes(self, picture: Picture, phrase: str) -> list[Box]:
        if is_cut_out(picture):
            assert picture.alpha is not None
            rows, columns = np.nonzero(picture.alpha > 127)
            return [Box(float(columns.min()), float(rows.min()), float(columns.max()) + 1, float(rows.max()) + 1, 1.0, phrase)]
        lab = working_lab(picture.rgb)
        height, width = picture.size
        scale = (width / lab.shape[1], height / lab.shape[0])
        closed = surroundedness(lab)
        proposals = [box for frame in (WIDE_FRAME, THIN_FRAME) for box in _proposals(lab, salience(lab, closed, frame))]
        return [_scaled(box, scale, phrase) for box in _distinct(proposals)]


def is_cut_out(picture: Picture) -> bool:
    """Whether the alpha channel says what the object is: some of the picture is clear, some is not."""
    return picture.alpha is not None and bool((picture.alpha < CLEAR_ALPHA).any()) and bool((picture.alpha > 127).any())


def _proposals(lab: np.ndarray, stands_out: np.ndarray) -> list[Box]:
    """Connected regions above the picture's own threshold and above stricter ones, as boxes in working pixels."""
    coded = cv2.convertScaleAbs(stands_out, alpha=255.0)
    lowest, _ = cv2.threshold(coded, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    edges = _edge_strength(lab)
    boxes = []
    for step in STRICTER:
        above = (coded > lowest + step * (float(coded.max()) - lowest)).astype(np.uint8)
        opened = cv2.morphologyEx(above, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        region = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(region, connectivity=8)
        large = [number for number in range(1, count) if stats[number][cv2.CC_STAT_AREA] >= SMALLEST_SHARE * region.size]
        boxes += [_box(stands_out, edges, labels == number, stats[number]) for number in large]
    return boxes


def _edge_strength(lab: np.ndarray) -> np.ndarray:
    """How fast the colour changes, (h, w) float32 in units of 8-bit Lab per pixel, the largest within a pixel's reach."""
    across, down = (cv2.Sobel(lab.astype(np.float32), cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.125) for dx in (1, 0))
    return cv2.dilate(np.sqrt((across**2 + down**2).sum(axis=-1)), np.ones((3, 3), np.uint8))


def _box(stands_out: np.ndarray, edges: np.ndarray, inside: np.ndarray, stats: np.ndarray) -> Box:
    """A region's box. Its score: salience inside less that of a ring around it, less where the outline is no edge, less for small regions."""
    left, top, width, height, area = (int(value) for value in stats)
    reach = max(3, round(0.15 * max(width, height)))
    shape = inside.astype(np.uint8)
    ring = cv2.dilate(shape, np.ones((2 * reach + 1,) * 2, np.uint8)).astype(bool) & ~inside
    contrast = float(stands_out[inside].mean()) - (float(stands_out[ring].mean()) if ring.any() else 0.0)
    outline = inside & ~cv2.erode(shape, np.ones((3, 3), np.uint8)).astype(bool)
    edge = min(1.0, float(edges[outline].mean()) / SHARP_EDGE) if outline.any() else 0.0
    size = min(1.0, (area / inside.size / 0.05) ** 0.5)
    return Box(left, top, left + width, top + height, float(np.clip(contrast * edge * size, 0.0, 1.0)))


def _distinct(boxes: list[Box]) -> list[Box]:
    """Without those that share most of their area, or of a better one's, with a better one."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.score):
        if all(_overlap(box, better) < 0.5 for better in kept):
            kept.append(box)
    return kept


def _overlap(a: Box, b: Box) -> float:
    """Intersection over the smaller area."""
    width, height = min(a.right, b.right) - max(a.left, b.left), min(a.bottom, b.bottom) - max(a.top, b.top)
    areas = ((box.right - box.left) * (box.bottom - box.top) for box in (a, b))
    return max(width, 0.0) * max(height, 0.0) / min(areas)


def _scaled(box: Box, scale: tuple[float, float], phrase: str) -> Box:
    across, down = scale
    return Box(box.left * across, box.top * down, box.right * across, box.bottom * down, box.score, phrase)
