"""Between stored pictures (uint8, RGBA, straight alpha) and what a VAE sees (float32 in [-1, 1], channels first, white background)."""

import numpy as np
import torch
from torch import Tensor


def on_white(rgba: np.ndarray) -> np.ndarray:
    """Composite straight alpha over white, in sRGB values as the papers' renders are: (H, W, 4) uint8 -> (H, W, 3) uint8."""
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.rint(rgba[..., :3] * alpha + 255.0 * (1.0 - alpha)).astype(np.uint8)


def to_tensor(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 or uint16 -> (3, H, W) float32, the whole range of the type mapped to [-1, 1]."""
    scaled = picture.astype(np.float32) * np.float32(2.0 / np.iinfo(picture.dtype).max) - np.float32(1.0)
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))


def to_uint8(pixels: Tensor) -> np.ndarray:
    """(..., 3, H, W) in [-1, 1], clipped -> (..., H, W, 3) uint8."""
    levels = ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return levels.movedim(-3, -1).cpu().numpy()


def sheet(rows: list[np.ndarray]) -> np.ndarray:
    """Pictures in rows: each (N, H, W, 3) uint8 becomes one row of N -> (rows * H, N * W, 3) uint8."""
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
