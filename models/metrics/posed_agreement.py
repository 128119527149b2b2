"""How well a mesh drawn at its pose agrees with the picture that it was posed in: outline, colours, depth, and which side is which (SPEC F11).

Letters: S the side of the crop in pixels. A crop is a square around both, so that sizes of pictures do not matter.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from models.geometry.text_decoding import linear_from_srgb
from models.renderers.base import Maps

SIDE_PIXELS = 128
MARGIN_SHARE = 0.03
"""Of the crop, on each side."""

FEWEST_PIXELS = 30
"""Of a crop: less in common says nothing."""

NEAR = 0.05
"""In units of the object frame: depth that agrees so well counts half."""

DARKEST, BRIGHTEST = 0.05, 20.0
"""What light may do to a colour."""

EDGE_BLUR_PIXELS = 1.2
"""Of a crop: finer edges are grain, or move with the last pixel of a pose."""

BACKGROUND = 0.5
"""Gray behind cut-outs, sRGB in [0, 1]: neither white nor black objects melt into it."""


@dataclass(frozen=True)
class Crop:
    """A picture's object and a render of the mesh, side by side.

    seen, drawn: (S, S, 3) float32 sRGB in [0, 1], 0 outside their masks. seen_mask, drawn_mask: (S, S) bool. normal: (S, S, 3) float32 of the render.
    """

    seen: np.ndarray
    drawn: np.ndarray
    seen_mask: np.ndarray
    drawn_mask: np.ndarray
    normal: np.ndarray

    @property
    def shared(self) -> np.ndarray:
        """The pixels that both show, (S, S) bool."""
        return self.seen_mask & self.drawn_mask


def outline_overlap(inside: np.ndarray, drawn: np.ndarray) -> float:
    """Intersection over union of two masks (H, W) bool, in [0, 1]; 0 where both are empty."""
    return np.count_nonzero(inside & drawn) / max(int(np.count_nonzero(inside | drawn)), 1)


def crop_both(rgb: np.ndarray, inside: np.ndarray, posed: Maps) -> Crop:
    """Cut the square around mask and render out of both. rgb: (H, W, 3) uint8. inside: (H, W) bool, not empty. posed: maps of the same size."""
    window = _square(inside | posed.mask)
    seen, seen_cover = _cut(rgb.astype(np.float32) / 255.0, inside, window)
    drawn, drawn_cover = _cut(posed.rgb[..., :3].astype(np.float32) / 255.0, posed.mask, window)
    normal, _ = _cut(posed.normal, posed.mask, window)
    return Crop(seen, drawn, seen_cover > 0.5, drawn_cover > 0.5, normal)


def relit(crop: Crop) -> np.ndarray:
    """The render under the white light that explains the picture best, (S, S, 3) float32 sRGB-like in [0, 1].

    Light is linear in the normal and the same for all channels: it may not change a hue. The render itself where too little is shared.
    """
    here = crop.shared
    if np.count_nonzero(here) < FEWEST_PIXELS:
        return crop.drawn
    seen, drawn = linear_from_srgb(crop.seen), linear_from_srgb(crop.drawn)
    basis = np.concatenate([np.ones((*here.shape, 1), np.float32), crop.normal], axis=-1)
    columns = (basis * drawn.mean(axis=-1, keepdims=True))[here].astype(np.float64)
    ridge = 1e-3 * np.trace(columns.T @ columns) / 4.0 * np.diag([0.0, 1.0, 1.0, 1.0])
    light = np.linalg.lstsq(columns.T @ columns + ridge, columns.T @ seen.mean(axis=-1)[here], rcond=None)[0]
    shading = np.clip(basis @ light, DARKEST, BRIGHTEST)[..., None]
    return (np.clip(drawn * shading, 0.0, 1.0) ** (1.0 / 2.2)).astype(np.float32)


def colour_difference(crop: Crop) -> float | None:
    """Root mean square distance of hue and saturation (a and b of Lab, / 100) over shared pixels, once light is fitted; None where few are."""
    here = crop.shared
    if np.count_nonzero(here) < FEWEST_PIXELS:
        return None
    ours, theirs = (cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[..., 1:][here] for picture in (relit(crop), crop.seen))
    return float(np.sqrt(((ours - theirs) ** 2).sum(axis=-1).mean()) / 100.0)


def edge_difference(crop: Crop) -> float | None:
    """1 minus the cosine between the colour gradients (Lab) of picture and relit render over shared pixels, in [0, 2]; None where few are.

    Gradients of evenly coloured surfaces are grain: their difference is near 1.
    """
    here = crop.shared
    if np.count_nonzero(here) < FEWEST_PIXELS:
        return None
    ours, theirs = (_gradients(picture)[here].ravel() for picture in cut_outs(crop))
    return 1.0 - float(ours @ theirs / np.sqrt(max(float((ours @ ours) * (theirs @ theirs)), 1e-9)))


def cut_outs(crop: Crop, fit_light: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Picture and render, each before gray outside its own mask, (S, S, 3) uint8: what a perceptual distance compares.

    fit_light: the render under the light that explains the picture.
    """
    pairs = (crop.seen, crop.seen_mask), (relit(crop) if fit_light else crop.drawn, crop.drawn_mask)
    ours, theirs = (np.rint(np.where(mask[..., None], picture, BACKGROUND) * 255.0).clip(0, 255).astype(np.uint8) for picture, mask in pairs)
    return ours, theirs


def _gradients(picture: np.ndarray) -> np.ndarray:
    """How the colours of a picture (S, S, 3) uint8 change across and down, (S, S, 3, 2) float32 in Lab per pixel."""
    lab = cv2.cvtColor(cv2.GaussianBlur(picture.astype(np.float32) / 255.0, (0, 0), EDGE_BLUR_PIXELS), cv2.COLOR_RGB2LAB)
    return np.stack([cv2.Sobel(lab, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.125) for dx in (1, 0)], axis=-1)


def depth_ratio(depth: np.ndarray, inside: np.ndarray, posed: Maps) -> float | None:
    """The render's depth over the observed one, (H, W) both, in the median over shared pixels; None where few have depth."""
    known = inside & posed.mask & (depth > 0)
    if np.count_nonzero(known) < FEWEST_PIXELS:
        return None
    return float(np.median(posed.depth[known] / depth[known]))


def depth_agreement(depth: np.ndarray, inside: np.ndarray, posed: Maps) -> float | None:
    """The share of the mask's pixels with depth where the render is as deep once scales agree, near ones in part, in [0, 1]."""
    ratio = depth_ratio(depth, inside, posed)
    if ratio is None:
        return None
    known = inside & (depth > 0)
    apart = np.where(posed.mask, posed.depth - ratio * depth, np.inf)[known]
    return float((1.0 / (1.0 + (apart / NEAR) ** 2)).mean())


def _square(either: np.ndarray) -> tuple[int, int, int]:
    """Left, top and side in pixels of the square around a mask; it may reach beyond the picture."""
    rows, columns = np.nonzero(either)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    side = int(np.ceil(max(height, width) * (1.0 + 2.0 * MARGIN_SHARE)))
    return int((columns.min() + columns.max() + 1 - side) // 2), int((rows.min() + rows.max() + 1 - side) // 2), side


def _cut(values: np.ndarray, mask: np.ndarray, window: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Values (H, W, 3) averaged over what of a crop's pixel lies inside the mask, and how much does, (S, S)."""
    left, top, side = window
    planes = np.concatenate([values * mask[..., None], mask[..., None]], axis=-1).astype(np.float32)
    square = np.zeros((side, side, 4), np.float32)
    height, width = mask.shape
    rows, columns = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))
    square[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = planes[rows, columns]
    small = cv2.resize(square, (SIDE_PIXELS,) * 2, interpolation=cv2.INTER_AREA if side > SIDE_PIXELS else cv2.INTER_LINEAR)
    cover = small[..., 3]
    return np.where(cover[..., None] > 0.5, small[..., :3] / np.maximum(cover, 1e-6)[..., None], 0.0).astype(np.float32), cover
