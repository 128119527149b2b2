"""PSNR and SSIM of two pictures, over all pixels or inside a mask."""

import numpy as np
from scipy.ndimage import gaussian_filter

SSIM_SIGMA, SSIM_TRUNCATE = 1.5, 3.5
"""The Gaussian window of 11 x 11 of Wang et al. 2004."""

SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2

SMALLEST_ERROR = 1e-10
"""A mean squared error below this counts as this, so that equal pictures score 100 dB instead of infinity."""


def psnr(picture: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal to noise ratio in dB, at most 100.

    picture, reference: (H, W, C) float in [0, 1]. mask: (H, W) bool, the pixels that count. Raises ValueError for unlike shapes or an empty mask.
    """
    _check(picture, reference, mask)
    squared = (picture.astype(np.float64) - reference) ** 2
    error = squared.mean() if mask is None else squared[mask].mean()
    return float(-10.0 * np.log10(max(error, SMALLEST_ERROR)))


def ssim(picture: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Structural similarity in [-1, 1], the mean of `ssim_map` over the mask (or the picture less its border of 5 pixels).

    picture, reference: (H, W, C) float in [0, 1]. mask: (H, W) bool. Raises ValueError for unlike shapes or an empty mask.
    """
    _check(picture, reference, mask)
    values = ssim_map(picture, reference)
    border = int(SSIM_TRUNCATE * SSIM_SIGMA + 0.5)
    return float(values[border:-border, border:-border].mean() if mask is None else values[mask].mean())


def ssim_map(picture: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Local structural similarity, (H, W, C) float64 in [-1, 1] (Wang et al. 2004, equation 13, Gaussian window).

    picture, reference: (H, W, C) float in [0, 1]. At the border the pictures are mirrored.
    """
    x, y = picture.astype(np.float64), reference.astype(np.float64)
    mean_x, mean_y = _window(x), _window(y)
    variance_x, variance_y = _window(x * x) - mean_x**2, _window(y * y) - mean_y**2
    covariance = _window(x * y) - mean_x * mean_y
    luminance = (2.0 * mean_x * mean_y + SSIM_C1) / (mean_x**2 + mean_y**2 + SSIM_C1)
    return luminance * (2.0 * covariance + SSIM_C2) / (variance_x + variance_y + SSIM_C2)


def _window(image: np.ndarray) -> np.ndarray:
    return gaussian_filter(image, sigma=(SSIM_SIGMA, SSIM_SIGMA, 0.0), truncate=SSIM_TRUNCATE)


def _check(picture: np.ndarray, reference: np.ndarray, mask: np.ndarray | None) -> None:
    if picture.shape != reference.shape or picture.ndim != 3:
        raise ValueError(f"pictures of shapes {picture.shape} and {reference.shape} cannot be compared: both must be (H, W, C) and alike")
    if mask is not None and (mask.shape != picture.shape[:2] or not mask.any()):
        raise ValueError(f"a mask of shape {mask.shape} with {int(mask.sum())} pixels does not fit pictures of shape {picture.shape}")
