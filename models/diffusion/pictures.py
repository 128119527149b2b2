"""Between stored pictures (uint8, RGBA, straight alpha) and what a VAE sees (float32 in [-1, 1], channels first, white background)."""

import cv2
import numpy as np
import torch
from torch import Tensor


def on_white(rgba: np.ndarray) -> np.ndarray:
    """Composite straight alpha over white, in sRGB values as the papers' renders are: (H, W, 4) uint8 -> (H, W, 3) uint8."""
    *colour, alpha = cv2.split(rgba)
    white = 255 - alpha
    # rint(plane * alpha / 255 + 255 * (1 - alpha / 255)): the second term is an integer
    return cv2.merge([cv2.add(cv2.multiply(plane, alpha, scale=1.0 / 255.0), white) for plane in colour])


def to_levels(pictures: list[np.ndarray]) -> Tensor:
    """Pictures (H, W, 3) of one size and type, channels first and as they are stored: (N, 3, H, W) uint8 or uint16, a quarter or half of float32."""
    levels = np.empty((len(pictures), 3, *pictures[0].shape[:2]), pictures[0].dtype)
    for picture, planes in zip(pictures, levels):
        cv2.split(picture, list(planes))  # writes into the planes
    return torch.from_numpy(levels)


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
