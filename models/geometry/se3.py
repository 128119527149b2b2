"""Rigid transforms as 4 x 4 matrices acting on column vectors; names say both frames, e.g. `camera_from_world`."""

import numpy as np


def rigid(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Join a (3, 3) rotation and a (3,) translation into a (4, 4) float64 matrix."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = translation
    return matrix


def invert(b_from_a: np.ndarray) -> np.ndarray:
    """The inverse of a rigid transform, (4, 4) float64: `a_from_b`."""
    rotation = b_from_a[:3, :3].T
    return rigid(rotation, -rotation @ b_from_a[:3, 3])


def transform(b_from_a: np.ndarray, points_a: np.ndarray) -> np.ndarray:
    """Take points (..., 3) from frame a to frame b; the result is float64."""
    return points_a @ b_from_a[:3, :3].T + b_from_a[:3, 3]
