"""How far an estimated pose is from the true one, as the BOP toolkit computes it (`bop_toolkit_lib/pose_error.py`; SPEC F11).

Poses are `camera_from_object`, (4, 4), rigid; points are the vertices of the model, (P, 3); lengths are in units of the object frame.
"""

import numpy as np
from scipy.spatial import ConvexHull, QhullError, cKDTree
from scipy.spatial.distance import pdist

from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import project
from models.geometry.se3 import transform
from models.geometry.symmetry import Symmetry, rotation_angle

RECALL_SHARE = 0.1
"""A pose counts as right when its error is below this share of the diameter."""


def add(estimated: np.ndarray, true: np.ndarray, points: np.ndarray) -> float:
    """Average distance between the same points in both poses (BOP `add`)."""
    return float(np.linalg.norm(transform(estimated, points) - transform(true, points), axis=1).mean())


def add_s(estimated: np.ndarray, true: np.ndarray, points: np.ndarray) -> float:
    """Average distance from every true point to the nearest estimated one (BOP `adi`)."""
    distances, _ = cKDTree(transform(estimated, points)).query(transform(true, points), k=1)
    return float(np.mean(distances))


def projection_error(estimated: np.ndarray, true: np.ndarray, points: np.ndarray, intrinsics: Intrinsics) -> float:
    """Average distance in pixels between the projections of the same points (BOP `proj`); infinite when one lies behind the camera."""
    pixels, depths = zip(*(project(points, Camera(intrinsics, pose)) for pose in (estimated, true)))
    if min(float(depth.min()) for depth in depths) <= 0.0:
        return float("inf")
    return float(np.linalg.norm(pixels[0] - pixels[1], axis=1).mean())


def rotation_error_degrees(estimated: np.ndarray, true: np.ndarray, symmetry: Symmetry | None = None) -> float:
    """The angle of the rotation between both poses, in [0, 180] (BOP `re`); the smallest over all poses that symmetry makes the same."""
    relative = true[:3, :3].T @ estimated[:3, :3]
    if symmetry is None:
        return float(np.degrees(rotation_angle(relative)))
    if len(symmetry.axes) > 1:
        return 0.0
    left = symmetry.rotations.transpose(0, 2, 1) @ relative
    if len(symmetry.axes) == 1:  # any turn about the axis is free: what is left is the angle between the axis and where it went
        axis = symmetry.axes[0]
        return float(np.degrees(np.arccos(np.clip((left @ axis) @ axis, -1.0, 1.0)).min()))
    return float(np.degrees(min(rotation_angle(one) for one in left)))


def diameter(points: np.ndarray) -> float:
    """The largest distance between two points (BOP `calc_pts_diameter`)."""
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:  # flat
        corners = np.unique(points, axis=0)
    return float(pdist(corners).max(initial=0.0))


def recall(errors: np.ndarray, diameters: np.ndarray | float, share: float = RECALL_SHARE) -> float:
    """The part of the poses whose error is below `share` of their object's diameter.

    errors: (N,), infinite where no pose was found. Raises ValueError when there are none.
    """
    if not len(errors):
        raise ValueError("recall over no poses: give at least one error")
    return float(np.mean(np.asarray(errors) < share * np.asarray(diameters)))
