"""Distances between two sets of feature vectors: the formulas of FID and KID, whatever the embedder.

Which embedder made the features belongs into the name under which a distance is published: with a small one it is `fid@micro`, never FID.
"""

from collections.abc import Callable

import numpy as np

Distance = Callable[[np.ndarray, np.ndarray], float]


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Fréchet distance of the Gaussians fitted to two sets: |mean_x - mean_y|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2)) (Heusel et al. 2017).

    x: (N, D) float, y: (M, D) float; N, M >= 2. Exact for fewer samples than dimensions, where covariances are singular: with centred
    X = Q_x R_x and Y = Q_y R_y, the trace of the matrix root is the nuclear norm of R_x R_y^T / sqrt((N - 1)(M - 1)), and no root is taken.
    Few samples bias it upwards: compare only distances of equal N and M. Raises ValueError for sets that cannot be compared.
    """
    x, y = _check(x, y)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    root_x = np.linalg.qr(x - mean_x, mode="r") / np.sqrt(len(x) - 1)
    root_y = np.linalg.qr(y - mean_y, mode="r") / np.sqrt(len(y) - 1)
    shared = np.linalg.norm(root_x @ root_y.T, ord="nuc")
    return float(((mean_x - mean_y) ** 2).sum() + (root_x**2).sum() + (root_y**2).sum() - 2.0 * shared)


def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (a.b / D + 1)^3 (Binkowski et al. 2018); near 0, also below, for equal distributions.

    x: (N, D) float, y: (M, D) float; N, M >= 2. Raises ValueError for sets that cannot be compared.
    """
    x, y = _check(x, y)
    within_x, within_y, across = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    n, m = len(x), len(y)
    same_x = (within_x.sum() - np.trace(within_x)) / (n * (n - 1))
    same_y = (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
    return float(same_x + same_y - 2.0 * across.mean())


def subset_kernel_distance(x: np.ndarray, y: np.ndarray, subsets: int, subset_size: int, rng: np.random.Generator) -> tuple[float, float]:
    """KID as it is published: mean and standard deviation of `kernel_distance` over random subsets drawn without replacement.

    x: (N, D) float, y: (M, D) float. subset_size: samples of each set in a subset; at most N and M. Raises ValueError otherwise.
    """
    if not 2 <= subset_size <= min(len(x), len(y)):
        raise ValueError(f"subsets of {subset_size} cannot be drawn from sets of {len(x)} and {len(y)}")
    draws = [
        kernel_distance(x[rng.choice(len(x), subset_size, replace=False)], y[rng.choice(len(y), subset_size, replace=False)]) for _ in range(subsets)
    ]
    return float(np.mean(draws)), float(np.std(draws))


def jackknife_error(distance: Distance, x: np.ndarray, y: np.ndarray, x_groups: np.ndarray, y_groups: np.ndarray) -> float:
    """Standard error of a distance, from leaving out one group (an asset with all its pictures) at a time.

    x: (N, D), y: (M, D) float. x_groups: (N,), y_groups: (M,) int group of every row. Returns 0 for a single group, which says nothing about spread.
    """
    groups = np.unique(np.concatenate([x_groups, y_groups]))
    if len(groups) < 2:
        return 0.0
    values = np.array([distance(x[x_groups != group], y[y_groups != group]) for group in groups])
    return float(np.sqrt((len(groups) - 1) / len(groups) * ((values - values.mean()) ** 2).sum()))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def _check(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"feature sets of shapes {x.shape} and {y.shape} cannot be compared: both must be (2 or more, D) with the same D")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a feature set holds values that are not finite")
    return x.astype(np.float64), y.astype(np.float64)
