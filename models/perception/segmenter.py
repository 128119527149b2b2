"""Box to mask: the segmenter of the parameters, and the embedded one, a graph cut over colour models."""

from functools import cache

import cv2
import numpy as np

from data_specs.align_params import SegmenterParams
from models.perception.base import Box, Mask, Miss, Picture, Segmenter
from models.perception.detector import is_cut_out
from models.perception.salience import colour_odds

MARGIN_SHARE = 0.04
"""Of the box: a detector's box may cut off a little of the object."""

COARSE_SIDE = 256
COARSE_ROUNDS, FINE_ROUNDS = 5, 2
BAND_PIXELS = 5
"""Half width of the strip around the coarse outline that is cut again at full size."""


@cache
def make_segmenter(params: SegmenterParams) -> Segmenter:
    """The segmenter that the parameters choose, loaded once per process. Raises ValueError saying what is missing."""
    if params.kind == "grab_cut":
        return GrabCut()
    from models.perception.sam import SegmentAnything

    return SegmentAnything.open(params)


class GrabCut:
    """`Segmenter` without weights (Rother et al. 2004): cut-outs by their alpha, everything else by colour inside and outside the box."""

    def segment(self, pictures: list[Picture], boxes: list[Box]) -> list[Mask | Miss]:
        """One mask per picture; its score is how little the last cut moved (intersection over union with the one before)."""
        return [self._segment(picture, box) for picture, box in zip(pictures, boxes, strict=True)]

    def _segment(self, picture: Picture, box: Box) -> Mask | Miss:
        window = _window(picture.size, box)
        if is_cut_out(picture):
            assert picture.alpha is not None
            inside = np.zeros(picture.size, bool)
            inside[window] = picture.alpha[window] > 127
            return Mask(inside, 1.0)
        coarse, score = _coarse(picture.rgb, window)
        if not coarse.any():
            return Miss("no_mask", "the colours inside the box cannot be told from those around it")
        return Mask(_fine(picture.rgb, coarse), score)


def _window(size: tuple[int, int], box: Box) -> tuple[slice, slice]:
    """The box with its margin as slices of the picture."""
    margin = MARGIN_SHARE * max(box.right - box.left, box.bottom - box.top)
    left, top = max(0, int(box.left - margin)), max(0, int(box.top - margin))
    return slice(top, min(size[0], int(np.ceil(box.bottom + margin)))), slice(left, min(size[1], int(np.ceil(box.right + margin))))


def _coarse(rgb: np.ndarray, window: tuple[slice, slice]) -> tuple[np.ndarray, float]:
    """The cut at small size, scaled back, (H, W) bool, and how stable it was."""
    height, width = rgb.shape[:2]
    scale = min(1.0, COARSE_SIDE / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    box = np.zeros((height, width), np.uint8)
    box[window] = 1
    inside = cv2.resize(box, size, interpolation=cv2.INTER_NEAREST).astype(bool)
    states = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    states[inside & (_prior(small, inside) < 0.4)] = cv2.GC_PR_BGD
    before = _cut(small, states, COARSE_ROUNDS - 1)
    after = _largest(_cut(small, states, 1))
    union = np.count_nonzero(before | after)
    score = np.count_nonzero(before & after) / union if union else 0.0
    return cv2.resize(after.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR).astype(bool), score


def _prior(small: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """How likely a pixel in the box is the object's by colour alone, first against all of the box, then against what looked likely."""
    lab = cv2.cvtColor(cv2.medianBlur(small, 3), cv2.COLOR_RGB2LAB)
    outside = ~inside if not inside.all() else ~cv2.erode(inside.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    first = colour_odds(lab, inside, outside)
    likely = inside & (first > 0.6)
    return colour_odds(lab, likely, outside) if np.count_nonzero(likely) > 20 else first


def _fine(rgb: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Cut again at full size in a strip along the coarse outline; what lies deeper stays."""
    reach = max(BAND_PIXELS, round(BAND_PIXELS * max(rgb.shape[:2]) / (2 * COARSE_SIDE)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    shape = coarse.astype(np.uint8)
    sure, possible = cv2.erode(shape, kernel).astype(bool), cv2.dilate(shape, kernel).astype(bool)
    states = np.select([sure, coarse, possible], [cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_PR_BGD], cv2.GC_BGD).astype(np.uint8)
    rows, columns = np.nonzero(possible)
    near = slice(max(0, rows.min() - 4 * reach), rows.max() + 4 * reach), slice(max(0, columns.min() - 4 * reach), columns.max() + 4 * reach)
    fine = np.zeros_like(coarse)
    fine[near] = _cut(rgb[near], states[near], FINE_ROUNDS)
    return _largest(fine)


def _cut(rgb: np.ndarray, states: np.ndarray, rounds: int) -> np.ndarray:
    """Run GrabCut on `states`, which it changes; (h, w) bool of what is object now."""
    foreground = (states == cv2.GC_FGD) | (states == cv2.GC_PR_FGD)
    if not foreground.any() or foreground.all():
        return foreground
    cv2.setRNGSeed(0)  # OpenCV starts its colour models from its own generator: the same picture must give the same mask
    no_box, models = (0, 0, 1, 1), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), states, no_box, *models, rounds, cv2.GC_INIT_WITH_MASK)
    return (states == cv2.GC_FGD) | (states == cv2.GC_PR_FGD)


def _largest(inside: np.ndarray) -> np.ndarray:
    """The largest connected part and others of at least a fifth of it, without pinholes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    if count < 2:
        return inside
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = np.isin(labels, 1 + np.flatnonzero(areas >= 0.2 * areas.max()))
    return cv2.morphologyEx(kept.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(bool)
