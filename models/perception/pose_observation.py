"""What a picture shows of an object, as a virtual camera turned towards it would see it in a small square crop.

Looking straight at the object takes perspective out of the comparison: a view of the mesh from a camera that looks at its middle has the
same shape wherever the object is in the picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from data_specs.camera import Intrinsics
from models.geometry.camera_math import pixel_centres
from models.geometry.text_decoding import linear_from_srgb
from models.perception.base import PoseProblem

MARGIN = 1.5
"""The crop's half side, in distances from the middle of the mask to its farthest pixel."""

IN_FRONT = 0.03
"""What lies this share of the depth before the surface next to it hides it."""


@dataclass(frozen=True)
class Observation:
    """A square crop of S x S pixels, seen by the virtual camera.

    inside: (S, S) bool, the visible part of the object. hidden: (S, S) bool, pixels outside whose surface is nearer than the object's middle, so
    that nothing is known of the object there. depth: (S, S) float32 along the virtual camera's +Z, any unit, 0 = unknown. rgb: (S, S, 3) float32
    linear. outline_distance: (S, S) float32 pixels to the outline, negative inside. outline_known: (S, S) bool, whether the nearest piece of it is
    the object's own outline. virtual_from_camera: (3, 3).
    """

    inside: np.ndarray
    hidden: np.ndarray
    depth: np.ndarray
    rgb: np.ndarray
    outline_distance: np.ndarray
    outline_known: np.ndarray
    intrinsics: Intrinsics
    virtual_from_camera: np.ndarray

    @property
    def has_depth(self) -> bool:
        """Whether enough of the object has depth."""
        return bool(np.count_nonzero(self.inside & (self.depth > 0)) > 0.1 * np.count_nonzero(self.inside))


def observe(problem: PoseProblem, size_pixels: int) -> Observation:
    """Crop a problem's picture, mask and depth. The mask must not be empty."""
    k = problem.intrinsics
    assert problem.mask.shape == problem.picture.size == (k.height, k.width), "mask, picture and intrinsics are of different sizes"
    turn, virtual = _virtual_camera(problem.mask, k, size_pixels)
    rays = (pixel_centres(size_pixels, size_pixels) - [virtual.centre_x, virtual.centre_y]) / virtual.focal_x
    there = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], axis=-1) @ turn  # rows times turn: the inverse rotation
    ahead = np.maximum(there[..., 2], 1e-6)
    pixels = np.stack([there[..., 0] / ahead * k.focal_x + k.centre_x, there[..., 1] / ahead * k.focal_y + k.centre_y], axis=-1)
    shrink = min(1.0, virtual.focal_x / k.focal_x)
    inside = _sample(problem.mask.astype(np.float32), pixels, shrink) > 0.5
    rgb = linear_from_srgb(_sample(problem.picture.rgb.astype(np.float32), pixels, shrink).clip(0, 255) / 255.0).astype(np.float32)
    depth = np.zeros(inside.shape, np.float32)
    if problem.depth is not None:
        across, down = (pixels - 0.5).astype(np.float32).transpose(2, 0, 1)
        nearest = cv2.remap(problem.depth.astype(np.float32), across, down, cv2.INTER_NEAREST)
        depth = np.where(np.isfinite(nearest) & (nearest > 0), nearest / ahead, 0.0).astype(np.float32)
    hidden = _outside_picture(pixels, k) | _nearer(inside, depth)
    distance, known = _outline(inside, hidden)
    return Observation(inside, hidden, depth, rgb, distance, known, virtual, turn)


def _virtual_camera(mask: np.ndarray, k: Intrinsics, size_pixels: int) -> tuple[np.ndarray, Intrinsics]:
    """`virtual_from_camera` (3, 3) of a camera that looks at the middle of the mask, and its lens."""
    rows, columns = np.nonzero(mask)
    rays = np.stack([(columns + 0.5 - k.centre_x) / k.focal_x, (rows + 0.5 - k.centre_y) / k.focal_y, np.ones(len(rows))], axis=-1)
    middle = (rays.min(axis=0) + rays.max(axis=0)) / 2.0
    turn = turn_to_axis(middle)
    seen = rays @ turn.T
    radius = float(np.linalg.norm(seen[:, :2] / seen[:, 2:], axis=1).max()) + 1.0 / k.focal_x
    focal = size_pixels / 2.0 / (radius * MARGIN)
    return turn, Intrinsics(size_pixels, size_pixels, focal, focal, size_pixels / 2.0, size_pixels / 2.0)


def turn_to_axis(ray: np.ndarray) -> np.ndarray:
    """The smallest rotation (3, 3) that takes a ray (3,) to +Z; the ray must not point to -Z."""
    x, y, z = ray / np.linalg.norm(ray)
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + z)


def _sample(values: np.ndarray, pixels: np.ndarray, shrink: float) -> np.ndarray:
    """Values (H, W[, C]) at image coordinates (S, S, 2), averaged over a crop pixel's footprint; 0 beyond the border."""
    height, width = values.shape[:2]
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA) if shrink < 0.8 else values
    across, down = (pixels * [small.shape[1] / width, small.shape[0] / height] - 0.5).astype(np.float32).transpose(2, 0, 1)
    return cv2.remap(small, across, down, cv2.INTER_LINEAR)


def _outside_picture(pixels: np.ndarray, k: Intrinsics) -> np.ndarray:
    return (pixels < 0).any(axis=-1) | (pixels[..., 0] > k.width) | (pixels[..., 1] > k.height)


def _nearer(inside: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Pixels outside the mask before the object: nearer than the object's pixel that is nearest to them in the picture."""
    known = inside & (depth > 0)
    if not known.any():
        return np.zeros(inside.shape, bool)
    row, column = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return ~inside & (depth > 0) & (depth < (1.0 - IN_FRONT) * depth[row, column])


def _outline(inside: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance to the outline, and whether its nearest piece borders on something known to lie behind."""
    to_inside = distance_transform_edt(~inside)
    to_outside, (row, column) = distance_transform_edt(inside, return_indices=True)
    known = ~hidden[row, column]
    return np.where(inside, 0.5 - to_outside, to_inside - 0.5).astype(np.float32), known
