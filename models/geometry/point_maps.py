"""Point maps: object coordinates as colours (SPEC F1). Positions are what is stored; colours are one of two readings of them.

isotropic   ours: [-1, 1] of every axis to [0, 1]. Lengths keep their proportions, and one rule fits all objects.
per_axis    what the released RefAny3D weights were trained with (SPEC F10): each axis of the mesh's own box to [0, 1], so that the flat sides of
            a flat object use all colours, too. Reading it back needs the box.
"""

import numpy as np

from data_specs.aligned_subject import PointMapColours
from data_specs.conventions import OBJECT_HALF_SIDE

FLAT = 1e-6
"""An axis along which the mesh is thinner than this, in the object frame, has one colour: the middle one."""


def colours_of(position: np.ndarray, coding: PointMapColours, extent: np.ndarray) -> np.ndarray:
    """Positions (..., 3) float in the object frame -> colours (..., 3) float32 in [0, 1].

    extent: (2, 3) least and largest corner of the mesh; `isotropic` does not look at it. Raises ValueError for an unknown coding.
    """
    low, side = _box(coding, extent)
    spread = (position - low) / np.where(side > FLAT, side, 1.0)
    return np.where(side > FLAT, spread, 0.5).clip(0.0, 1.0).astype(np.float32)


def positions_of(colours: np.ndarray, coding: PointMapColours, extent: np.ndarray) -> np.ndarray:
    """Colours (..., 3) float in [0, 1] -> positions (..., 3) float32 in the object frame; the inverse of `colours_of`."""
    low, side = _box(coding, extent)
    return (low + colours * side).astype(np.float32)


def _box(coding: PointMapColours, extent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corner that is black, and how far away white is on each axis: (3,) float64 each."""
    if coding == "isotropic":
        return np.full(3, -OBJECT_HALF_SIDE), np.full(3, 2.0 * OBJECT_HALF_SIDE)
    if coding == "per_axis":
        low, high = np.asarray(extent, np.float64)
        return low, high - low
    raise ValueError(f"unknown point-map coding {coding!r}: use isotropic or per_axis")
