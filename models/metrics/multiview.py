"""Do the views of an object agree with one another? Back-projection consistency (SPEC R13)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data_specs.camera import Camera
from models.geometry.back_projection import SurfaceView, reproject_views
from models.geometry.visual_hull import hull_views, silhouettes
from models.metrics.image_quality import psnr, ssim

ENOUGH_SHARED = 0.01

PairDistance = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Two stacks of pictures (N, H, W, 3) uint8 -> the distance of each pair, (N,)."""


@dataclass(frozen=True)
class Consistency:
    """The views of one object against themselves after back-projection, all pixels of all views in one.

    psnr: dB inside the masks, 100 where all views agree. ssim: [-1, 1] inside the masks. shared: the part of the masks, in [0, 1], whose
    points a second view sees too, where disagreement can show at all. psnr_shared: dB over that part, None where it is less than `ENOUGH_SHARED`.
    perceptual: mean over the views of the distance that was asked for, else None.
    """

    psnr: float
    ssim: float
    psnr_shared: float | None
    shared: float
    perceptual: float | None = None


def back_projection_consistency(views: list[SurfaceView], distance: PairDistance | None = None) -> Consistency:
    """PSNR and SSIM between views of equal size and their re-projections (`reproject_views`), everything outside the masks white in both.

    The error is averaged over the pixels of all views before the logarithm: a view that agrees by itself does not hide one that disagrees.
    distance: how far re-projections look from their views, for `perceptual`. A flat picture agrees with itself: read this beside a measure of
    what the pictures show. Raises ValueError when no view shows the object.
    """
    if not any(view.mask.any() for view in views):
        raise ValueError("no view shows the object: nothing can be compared")
    return _compare(views, [view.mask for view in views], distance)


def hull_consistency(pictures: np.ndarray, cameras: list[Camera], distance: PairDistance | None = None) -> Consistency:
    """The same for pictures (V, H, W, 3) uint8 that were made without geometry: back-projected onto the visual hull of their silhouettes.

    Stands for lifting the views by a trained model (SPEC R13, text-to-multiview). What a silhouette shows and the hull does not have comes back
    white: views that disagree about the outline lose by that. Colours hardly count: of a round object the hull is a prism, whose faces have a
    view each. Pictures without any object agree.
    """
    shown = silhouettes(pictures)
    masks = list(shown) if shown.any() else list(np.ones_like(shown))
    return _compare(hull_views(pictures, cameras), masks, distance)


def _compare(views: list[SurfaceView], masks: list[np.ndarray], distance: PairDistance | None) -> Consistency:
    """masks: (H, W) bool of each view, the pixels that count; at least those of the view's own mask."""
    pictures, shared_masks = reproject_views(views)
    mask, shared = np.concatenate(masks), np.concatenate(shared_masks)
    original = np.where(mask[..., None], np.concatenate([view.rgb for view in views]), 1.0)
    again = np.concatenate(pictures)
    part = float(shared.sum() / mask.sum())
    on_shared = psnr(again, original, shared) if part >= ENOUGH_SHARED else None
    seen = None if distance is None else float(distance(_levels(original, views), _levels(again, views)).mean())
    return Consistency(psnr(again, original, mask), ssim(again, original, mask), on_shared, part, seen)


def _levels(joined: np.ndarray, views: list[SurfaceView]) -> np.ndarray:
    """Views one below the other, float in [0, 1] -> (V, H, W, 3) uint8."""
    return np.stack(np.split(np.rint(joined * 255.0).astype(np.uint8), len(views)))
