"""PSNR and SSIM against scikit-image."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from models.metrics.image_quality import psnr, ssim, ssim_map


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:40, 0:56] / 20.0
    reference = 0.5 + 0.4 * np.sin(np.stack([x, y, x * y], axis=-1) * 4.0)
    return np.clip(reference + 0.1 * rng.standard_normal(reference.shape), 0.0, 1.0), reference


def test_psnr_equals_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert psnr(*pair) == pytest.approx(peak_signal_noise_ratio(pair[1], pair[0], data_range=1.0), abs=1e-9)


def test_psnr_of_a_known_error_inside_the_mask() -> None:
    reference = np.full((8, 8, 3), 0.5)
    picture = reference.copy()
    picture[:4] += 0.1
    mask = np.zeros((8, 8), bool)
    mask[:4] = True
    assert psnr(picture, reference, mask) == pytest.approx(20.0)
    assert psnr(picture, reference, ~mask) == 100.0


def test_ssim_equals_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    arguments = {"data_range": 1.0, "channel_axis": 2, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    mean, full = structural_similarity(pair[0], pair[1], full=True, **arguments)
    assert ssim(*pair) == pytest.approx(mean, abs=1e-9)
    np.testing.assert_allclose(ssim_map(*pair), full, atol=1e-9)


def test_ssim_inside_a_mask_is_the_mean_of_the_map(pair: tuple[np.ndarray, np.ndarray]) -> None:
    mask = np.zeros((40, 56), bool)
    mask[10:20, 5:50] = True
    assert ssim(*pair, mask) == pytest.approx(ssim_map(*pair)[mask].mean())
    assert ssim(pair[1], pair[1], mask) == pytest.approx(1.0)


@pytest.mark.parametrize("mask", [np.zeros((40, 56), bool), np.ones((3, 3), bool)])
def test_a_mask_that_does_not_fit_is_refused(pair: tuple[np.ndarray, np.ndarray], mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match="mask"):
        psnr(*pair, mask)


def test_unlike_shapes_are_refused(pair: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        ssim(pair[0][:10], pair[1])
