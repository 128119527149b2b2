"""Arrays to small pictures inside the page: data URIs, nothing to fetch."""

import base64
import io

import cv2
import numpy as np
from PIL import Image

from models.diffusion.pictures import on_white

GAP_PIXELS = 4


def opaque(picture: np.ndarray) -> np.ndarray:
    """RGB as it is, RGBA composited over white: (H, W, 3) or (H, W, 4) uint8 -> (H, W, 3) uint8."""
    return picture if picture.shape[-1] == 3 else on_white(picture)


def fit(picture: np.ndarray, side_pixels: int) -> np.ndarray:
    """Scale down until no side is longer than `side_pixels`; smaller pictures stay as they are."""
    height, width = picture.shape[:2]
    scale = side_pixels / max(height, width)
    if scale >= 1.0:
        return picture
    return cv2.resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)


def strip(pictures: list[np.ndarray], side_pixels: int) -> np.ndarray:
    """Put pictures side by side with white gaps, each scaled by `fit`: (H, W, 3) uint8."""
    tiles = [fit(opaque(picture), side_pixels) for picture in pictures]
    height = max(tile.shape[0] for tile in tiles)
    padded = [np.pad(tile, ((0, height - tile.shape[0]), (0, GAP_PIXELS), (0, 0)), constant_values=255) for tile in tiles]
    return np.concatenate(padded, axis=1)[:, :-GAP_PIXELS]


def data_uri(picture: np.ndarray, quality: int = 85) -> str:
    """`data:image/...` of a picture (H, W, 3) uint8: PNG where it is small and exact colours matter (quality 100), else JPEG."""
    data = io.BytesIO()
    if quality == 100:
        Image.fromarray(picture).save(data, "PNG", optimize=True)
    else:
        Image.fromarray(picture).save(data, "JPEG", quality=quality, optimize=True, subsampling=0)
    kind = "png" if quality == 100 else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data.getvalue()).decode()}"


def show_geometry(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Make a stored geometry map visible: (H, W, 3) uint8, white where there is no surface.

    values: normal (H, W, 3) uint8, position (H, W, 3) uint16, or depth (H, W) uint16 (drawn from dark = near to light = far). mask: (H, W) bool.
    """
    shown = np.full((*mask.shape, 3), 255, np.uint8)
    if not mask.any():
        return shown
    if values.ndim == 2:
        near, far = float(values[mask].min()), float(values[mask].max())
        shown[mask] = (30.0 + 200.0 * (values[mask] - near) / max(far - near, 1.0)).astype(np.uint8)[:, None]
    else:
        shown[mask] = values[mask] if values.dtype == np.uint8 else values[mask] >> 8
    return shown
