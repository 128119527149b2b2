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
    return np.take(SRGB_8, (np.clip(linear, 0.0, 1.0) * FULL + 0.5).astype(np.uint16))


REMAP_COLUMNS = 1024
"""OpenCV takes at most 32,767 rows and columns: a long list of places is folded into lines of this length."""


class MipTexture:
    """A base-colour texture ready for lookup.

    All mip levels lie in one array, so that a lookup may take every place from another level: level 0 at the left, each further one,
    half the size of the one before, below each other at the right; a border of one texel around each continues it by the wrap mode.
    atlas: (H', W', 4) uint16 linear; where alpha matters, colour is multiplied by it, so that transparent texels do not bleed into their
    neighbours. OpenCV looks up four channels twice as fast as three. Raises ValueError for a texture that is not (H, W, 4) uint8.
    """

    def __init__(self, material: Material) -> None:
        texture = material.texture
        if texture is None or texture.ndim != 3 or texture.shape[2] != 4 or texture.dtype != np.uint8 or not texture.size:
            raise ValueError(f"a texture must be (H, W, 4) uint8, got {None if texture is None else (texture.shape, texture.dtype)}")
        self.wrap, self.size = material.wrap, texture.shape[1::-1]
        corners, sizes = _layout(*self.size)
        right, bottom = (np.array(corners) + sizes + 2).max(axis=0)
        self.keep_alpha = material.alpha_mode != "opaque"
        self.atlas = np.empty((bottom, right, 4), np.uint16)
        finer: np.ndarray | None = None
        for (x, y), (width, height) in zip(corners, sizes):
            framed = self.atlas[y : y + height + 2, x : x + width + 2]
            level = framed[1:-1, 1:-1]
            if finer is None:
                _linear(texture, self.keep_alpha, level)
            else:
                cv2.resize(finer, (width, height), dst=level, interpolation=cv2.INTER_AREA)
            _continue(framed, self.wrap)
            finer = level
        self.scales = np.array(sizes, np.float32).T
        self.shifts = np.array(corners, np.float32).T + np.float32(0.5)

    def sample(self, uv: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Trilinear lookup: uv (2, N) float32 with the origin at the top left, level (N,) float32 (0 = full size).

        Returns (C, N) float32 in [0, 1]: three channels where alpha does not matter, else four.
        """
        last = self.scales.shape[1] - 1
        level, place = np.clip(level, 0.0, last), self._fold(uv)
        lower = level.astype(np.int64)
        fraction = level - lower.astype(np.float32)
        colour = self._bilinear(lower, place)
        colour += (self._bilinear(np.minimum(lower + 1, last), place) - colour) * fraction
        colour *= np.float32(1.0 / FULL)
        return colour

    def _fold(self, uv: np.ndarray) -> np.ndarray:
        if self.wrap == "clamp":
            return np.clip(uv, 0.0, 1.0)
        if self.wrap == "repeat":
            return uv - np.floor(uv)
        return 1.0 - np.abs(uv - 2.0 * np.floor(uv / 2.0) - 1.0)

    def _bilinear(self, level: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Between the four nearest texels (their centres lie at +0.5) of each place's own level: (2, N) in [0, 1] -> (C, N) float32."""
        count = len(level)
        rows = max(-(-count // REMAP_COLUMNS), 1)
        maps = np.empty((2, rows * REMAP_COLUMNS), np.float32)
        maps[:, count:] = 0.0
        for axis in range(2):
            np.multiply(place[axis], np.take(self.scales[axis], level), out=maps[axis, :count])
            maps[axis, :count] += np.take(self.shifts[axis], level)
        x, y = maps.reshape(2, rows, REMAP_COLUMNS)
        found = cv2.remap(self.atlas, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.stack([plane.reshape(-1)[:count] for plane in cv2.split(found)[: 3 + self.keep_alpha]], dtype=np.float32)


def _layout(width: int, height: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Where the framed levels of a texture lie in the atlas, and their sizes without frame, as (x, y), down to one texel."""
    corners, sizes = [(0, 0)], [(width, height)]
    while max(sizes[-1]) > 1:
        x, y = corners[-1]
        corners.append((width + 2, y + sizes[-1][1] + 2 if x else 0))
        sizes.append((max(sizes[-1][0] // 2, 1), max(sizes[-1][1] // 2, 1)))
    return corners, sizes


def _linear(texture: np.ndarray, keep_alpha: bool, linear: np.ndarray) -> None:
    """Write an sRGB texture (H, W, 4) into `linear` (H, W, 4): 16-bit linear, multiplied by alpha where that is kept."""
    if not keep_alpha:
        cv2.LUT(texture, LINEAR_16, dst=linear)
        return
    alpha = texture[..., 3:].astype(np.uint32)
    linear[..., :3] = LINEAR_16[texture[..., :3]] * alpha // 255
    linear[..., 3:] = alpha * 257


def _continue(framed: np.ndarray, wrap: str) -> None:
    """Fill the frame of one texel around a level: with the opposite side where the texture repeats, else with the nearest texel."""
    first, last = (-2, 1) if wrap == "repeat" else (1, -2)
    framed[0, 1:-1], framed[-1, 1:-1] = framed[first, 1:-1], framed[last, 1:-1]
    framed[:, 0], framed[:, -1] = framed[:, first], framed[:, last]
