"""Fréchet and kernel distances against scipy, torchmetrics and closed forms."""

import numpy as np
import pytest
import scipy.linalg
import torch

import models.torchvision_ops  # noqa: F401
from models.metrics.distribution import frechet_distance, jackknife_error, kernel_distance, subset_kernel_distance

torchmetrics_fid = pytest.importorskip("torchmetrics.image.fid")
torchmetrics_kid = pytest.importorskip("torchmetrics.image.kid")


def sets(n: int, m: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + m)
    mixing = rng.standard_normal((dimensions, dimensions)) / np.sqrt(dimensions)
    return rng.standard_normal((n, dimensions)), 0.3 + rng.standard_normal((m, dimensions)) @ mixing


def frechet_by_scipy(x: np.ndarray, y: np.ndarray) -> float:
    cov_x, cov_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(cov_x @ cov_y)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cov_x + cov_y) - 2.0 * np.trace(root).real)


def test_frechet_equals_scipy_and_torchmetrics() -> None:
    x, y = sets(200, 150, 12)
    expected = torchmetrics_fid._compute_fid(*[torch.from_numpy(a) for a in (x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))])
    assert frechet_distance(x, y) == pytest.approx(frechet_by_scipy(x, y), rel=1e-9)
    assert frechet_distance(x, y) == pytest.approx(float(expected), rel=1e-6)


def test_frechet_with_fewer_samples_than_dimensions() -> None:
    """Singular covariances: the eigenvalues of C_x C_y, summed as roots, are the slow truth (scipy's root is unsafe there)."""
    x, y = sets(9, 14, 40)
    eigenvalues = np.linalg.eigvals(np.cov(x, rowvar=False) @ np.cov(y, rowvar=False)).real
    root = np.sqrt(np.sort(eigenvalues)[-8:]).sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.cov(x, rowvar=False).trace() + np.cov(y, rowvar=False).trace() - 2.0 * root
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_frechet_of_shifted_and_equal_sets() -> None:
    x, _ = sets(30, 30, 64)
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(x, x + 0.5) == pytest.approx(64 * 0.25, rel=1e-9)


def test_kernel_distance_equals_torchmetrics() -> None:
    x, y = sets(40, 40, 10)
    expected = torchmetrics_kid.poly_mmd(torch.from_numpy(x), torch.from_numpy(y))
    assert kernel_distance(x, y) == pytest.approx(float(expected), rel=1e-9)


def test_kernel_distance_is_unbiased() -> None:
    """The mean over many draws from one distribution is 0 within three standard errors, although single draws are not."""
    rng = np.random.default_rng(0)
    draws = [kernel_distance(rng.standard_normal((6, 4)), rng.standard_normal((9, 4))) for _ in range(400)]
    assert abs(np.mean(draws)) < 3.0 * np.std(draws) / 20.0
    assert min(draws) < 0.0 < max(draws)


def test_subsets_give_mean_and_spread() -> None:
    x, y = sets(60, 50, 8)
    mean, spread = subset_kernel_distance(x, y, 50, 30, np.random.default_rng(1))
    assert mean == pytest.approx(kernel_distance(x, y), abs=3.0 * spread / np.sqrt(50) + 0.05)
    assert spread > 0.0
    assert subset_kernel_distance(x[:30], y[:30], 5, 30, np.random.default_rng(1)) == pytest.approx((kernel_distance(x[:30], y[:30]), 0.0), abs=1e-9)
    with pytest.raises(ValueError, match="subsets of 51"):
        subset_kernel_distance(x, y, 5, 51, np.random.default_rng(1))


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    x = np.random.default_rng(2).standard_normal((25, 1))
    groups = np.arange(25)
    error = jackknife_error(lambda a, b: float(a.mean()), x, x, groups, groups)
    assert error == pytest.approx(x.std(ddof=1) / 5.0, rel=1e-9)
    assert jackknife_error(lambda a, b: float(a.mean()), x, x, np.zeros(25), np.zeros(25)) == 0.0


@pytest.mark.parametrize("bad", [np.zeros((1, 4)), np.zeros((5, 3)), np.zeros(4), np.full((5, 4), np.nan)])
def test_sets_that_cannot_be_compared_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="feature set"):
        frechet_distance(np.ones((5, 4)), bad)
