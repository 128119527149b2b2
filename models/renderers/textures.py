"""Filtered texture lookup: mip levels averaged in linear light, trilinear in between, glTF colour spaces and wrap modes."""

import cv2
import numpy as np

from data_specs.asset import Material

FULL = 65535
"""Linear colours are held in 16 bits: the darkest sRGB step is 20 of them."""


def _srgb_to_linear(coded: np.ndarray) -> np.ndarray:
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1.0 / 2.4) - 0.055)


LINEAR_16 = np.rint(_srgb_to_linear(np.arange(256) / 255.0) * FULL).astype(np.uint16)
SRGB_8 = np.rint(_linear_to_srgb(np.arange(FULL + 1) / FULL) * 255.0).astype(np.uint8)


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light float in [0, 1] (clipped) -> sRGB uint8, any shape."""
    return SRGB_8[(np.clip(linear, 0.0, 1.0) * FULL + 0.5).astype(np.uint16)]


REMAP_COLUMNS = 1024
"""OpenCV takes at most 32,767 rows and columns: a long list of places is folded into lines of this length."""


class MipTexture:
    """A base-colour texture ready for lookup.

    levels: (H_i, W_i, C) uint16 linear; C = 3 where alpha does not matter, else 4 with colour multiplied by alpha, so that
    transparent texels do not bleed into their neighbours. Level 0 has the full size, each further one half of it, down to one texel.
    """

    def __init__(self, material: Material) -> None:
        texture = material.texture
        if texture is None or texture.ndim != 3 or texture.shape[2] != 4 or texture.dtype != np.uint8 or not texture.size:
            raise ValueError(f"a texture must be (H, W, 4) uint8, got {None if texture is None else (texture.shape, texture.dtype)}")
        self.wrap = material.wrap
        self.size = texture.shape[1::-1]
        self.levels = [_linear(texture, keep_alpha=material.alpha_mode != "opaque")]
        while max(self.levels[-1].shape[:2]) > 1:
            height, width = self.levels[-1].shape[:2]
            self.levels.append(cv2.resize(self.levels[-1], (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA))

    def sample(self, uv: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Trilinear lookup: uv (2, N) float32 with the origin at the top left, level (N,) float32 (0 = full size) -> (C, N) float32 in [0, 1]."""
        last = len(self.levels) - 1
        level, place = np.clip(level, 0.0, last), self._fold(uv)
        lower = level.astype(np.int32)
        lowest, highest = int(lower.min(initial=last)), int(lower.max(initial=0))
        colour = np.empty((self.levels[0].shape[2], len(level)), np.float32)
        for i in range(lowest, highest + 1):
            here = slice(None) if lowest == highest else np.flatnonzero(lower == i)
            colour[:, here] = self._between(i, place[:, here], level[here] - np.float32(i))
        colour *= np.float32(1.0 / FULL)
        return colour

    def _between(self, level: int, place: np.ndarray, fraction: np.ndarray) -> np.ndarray:
        """(C, N) float32, `fraction` (N,) of the way from a level to the next coarser one."""
        fine = self._bilinear(level, place).astype(np.float32)
        if fraction.any():
            fine += (self._bilinear(level + 1, place) - fine) * fraction
        return fine

    def _fold(self, uv: np.ndarray) -> np.ndarray:
        if self.wrap == "clamp":
            return np.clip(uv, 0.0, 1.0)
        if self.wrap == "repeat":
            return uv - np.floor(uv)
        return 1.0 - np.abs(uv - 2.0 * np.floor(uv / 2.0) - 1.0)

    def _bilinear(self, level: int, place: np.ndarray) -> np.ndarray:
        """One level between its four nearest texels, whose centres lie at +0.5: places (2, N) in [0, 1] -> (C, N) uint16."""
        texels, count = self.levels[level], place.shape[1]
        rows = -(-count // REMAP_COLUMNS)
        padded = np.zeros((2, rows * REMAP_COLUMNS), np.float32)
        np.multiply(place, np.array([[texels.shape[1]], [texels.shape[0]]], np.float32), out=padded[:, :count])
        x, y = (padded - np.float32(0.5)).reshape(2, rows, REMAP_COLUMNS)
        border = cv2.BORDER_WRAP if self.wrap == "repeat" else cv2.BORDER_REPLICATE
        found = cv2.split(cv2.remap(texels, x, y, cv2.INTER_LINEAR, borderMode=border)) if rows else [np.zeros(0)] * texels.shape[2]
        return np.stack([plane.reshape(-1)[:count] for plane in found])


def _linear(texture: np.ndarray, keep_alpha: bool) -> np.ndarray:
    if not keep_alpha:
        return cv2.LUT(cv2.cvtColor(texture, cv2.COLOR_RGBA2RGB), LINEAR_16)
    linear = LINEAR_16[texture]
    linear[..., 3] = texture[..., 3].astype(np.uint16) * 257
    alpha = texture[..., 3:].astype(np.uint32)
    linear[..., :3] = linear[..., :3] * alpha // 255
    return linear
