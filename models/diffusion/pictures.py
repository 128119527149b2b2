"""Between stored pictures (uint8, RGBA, straight alpha) and what a VAE sees (float32 in [-1, 1], channels first, white background)."""

import cv2
import numpy as np
import torch
from torch import Tensor


def on_white(rgba: np.ndarray) -> np.ndarray:
    """Composite straight alpha over white, in sRGB values as the papers' renders are: (H, W, 4) uint8 -> (H, W, 3) uint8."""
    planes = np.empty((3, *rgba.shape[:2]), np.uint8)
    _lay_on_white(rgba, planes)
    return cv2.merge(list(planes))


def to_levels(pictures: list[np.ndarray]) -> Tensor:
    """Pictures of one size and type, channels first and as they are stored: (N, 3, H, W) uint8 or uint16, a quarter or half of float32.

    pictures: (H, W, 3), or (H, W, 4) uint8 which are laid on white.
    """
    levels = np.empty((len(pictures), 3, *pictures[0].shape[:2]), pictures[0].dtype)
    for picture, planes in zip(pictures, levels):
        if picture.shape[2] == 4:
            _lay_on_white(picture, planes)
        else:
            cv2.split(picture, list(planes))  # writes into the planes
    return torch.from_numpy(levels)


def _lay_on_white(rgba: np.ndarray, planes: np.ndarray) -> None:
    """Write (H, W, 4) uint8 into `planes` (3, H, W) uint8: rint(colour * alpha / 255 + 255 * (1 - alpha / 255)), whose second term is an integer."""
    alpha = np.empty(rgba.shape[:2], np.uint8)
    cv2.split(rgba, [*planes, alpha])
    if alpha.min() == 255:
        return
    white = 255 - alpha
    for plane in planes:
        cv2.multiply(plane, alpha, dst=plane, scale=1.0 / 255.0)
        cv2.add(plane, white, dst=plane)


def to_pixels(levels: Tensor) -> Tensor:
    """Levels of `to_levels`, on any device -> float32, the whole range of the type mapped to [-1, 1]; float32 is left as it is."""
    return levels if levels.is_floating_point() else levels.float() * (2.0 / torch.iinfo(levels.dtype).max) - 1.0


def to_tensor(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 or uint16 -> (3, H, W) float32 in [-1, 1]."""
    return to_pixels(to_levels([picture]))[0]


def to_uint8(pixels: Tensor) -> np.ndarray:
    """(..., 3, H, W) in [-1, 1], clipped -> (..., H, W, 3) uint8."""
    levels = ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return levels.movedim(-3, -1).cpu().numpy()


def sheet(rows: list[np.ndarray]) -> np.ndarray:
    """Pictures in rows: each (N, H, W, 3) uint8 becomes one row of N -> (rows * H, N * W, 3) uint8."""
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
