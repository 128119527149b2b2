"""What stands out in a picture without knowing what it is: closed-off regions, and colours that the border does not have.

Two classical cues, both deterministic: surroundedness (boolean maps, Zhang and Sclaroff 2013) and the colour histogram of the border.
"""

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

WORKING_SIDE = 160
WIDE_FRAME, THIN_FRAME = 0.08, 0.02
"""Of the shorter side: the frame whose colours count as background. A wide one knows them better; what lies in it does not stand out."""

LEVELS = 14
"""Thresholds of each colour channel for boolean maps."""

BINS = (12, 20, 20)
"""Of L, a and b."""

CHROMA_RANGE = (88.0, 168.0)
"""8-bit Lab of nearly all that is seen; what lies beyond falls into the last bin."""


def working_lab(rgb: np.ndarray) -> np.ndarray:
    """A small, slightly smoothed copy in 8-bit Lab, (h, w, 3) uint8 with `WORKING_SIDE` along the longer side; keeps edges, loses grain."""
    scale = WORKING_SIDE / max(rgb.shape[:2])
    height, width = (max(8, round(side * scale)) for side in rgb.shape[:2])
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return cv2.cvtColor(cv2.medianBlur(np.ascontiguousarray(small), 5), cv2.COLOR_RGB2LAB)


def salience(lab: np.ndarray, closed: np.ndarray, frame: float) -> np.ndarray:
    """How much each pixel stands out, (h, w) float32 in [0, 1].

    lab: (h, w, 3) uint8 of `working_lab`. closed: its `surroundedness`. frame: width of the border, of the shorter side.
    """
    border = border_mask(lab.shape[:2], frame)
    first = 0.5 * closed + 0.5 * colour_odds(lab, ~border, border)
    likely = first > max(float(np.quantile(first, 0.7)), 0.3)
    odds = colour_odds(lab, likely, border) if likely.any() else first
    return cv2.GaussianBlur((closed + 2.0 * odds) / 3.0, (0, 0), 1.5).astype(np.float32)


def border_mask(shape: tuple[int, int], frame: float) -> np.ndarray:
    """The frame of a picture, (h, w) bool; frame: its width, of the shorter side."""
    border = np.ones(shape, bool)
    edge = max(2, round(frame * min(shape)))
    border[edge:-edge, edge:-edge] = False
    return border


def surroundedness(lab: np.ndarray) -> np.ndarray:
    """The share of boolean maps in which a pixel's region does not reach the border, (h, w) float32, its largest value 1.

    A boolean map is a colour channel above, or below, a threshold; thresholds run over what the picture holds.
    """
    votes = np.zeros(lab.shape[:2], np.float32)
    for channel in cv2.split(lab):
        low, high = np.quantile(channel, (0.02, 0.98))
        for level in np.linspace(low, high, LEVELS + 2)[1:-1] if high - low >= 6 else ():
            above = (channel > level).astype(np.uint8)
            for region in (above, 1 - above):
                votes += _enclosed(region)
    return votes / max(float(votes.max()), 1.0)


def _enclosed(region: np.ndarray) -> np.ndarray:
    """The parts of a 0/1 map that touch no border, weighted so that each map counts alike whatever it encloses."""
    _, labels = cv2.connectedComponents(region, connectivity=4, ltype=cv2.CV_16U)
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    inside = (region > 0) & ~np.isin(labels, touching)
    size = float(np.sqrt(np.count_nonzero(inside)))
    return inside.astype(np.float32) * (1.0 / size if size else 0.0)


def colour_odds(lab: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """How likely each pixel's colour is to come from `inside` and not from `outside` (bool maps), (h, w) float32 in [0, 1]."""
    bins = _bins(lab)
    ours, theirs = (_histogram(bins[where]) for where in (inside, outside))
    odds = ours / (ours + theirs)
    return odds[bins].astype(np.float32)


def _bins(lab: np.ndarray) -> np.ndarray:
    lightness = lab[..., 0].astype(np.int32) * BINS[0] // 256
    low, high = CHROMA_RANGE
    chroma = np.clip((lab[..., 1:].astype(np.float32) - low) / (high - low), 0.0, 0.999)
    return (lightness * BINS[1] + (chroma[..., 0] * BINS[1]).astype(np.int32)) * BINS[2] + (chroma[..., 1] * BINS[2]).astype(np.int32)


def _histogram(bins: np.ndarray) -> np.ndarray:
    counts = np.bincount(bins.ravel(), minlength=int(np.prod(BINS))).reshape(BINS).astype(np.float64)
    smooth = gaussian_filter(counts, (1.0, 0.8, 0.8), mode="nearest")
    return (smooth / max(smooth.sum(), 1.0) + 1e-5).ravel()
