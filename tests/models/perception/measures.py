"""How well boxes and masks agree with the truth."""

import numpy as np

from models.perception.base import Box


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width, height = min(a.right, b.right) - max(a.left, b.left), min(a.bottom, b.bottom) - max(a.top, b.top)
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (a, b)]
    return shared / (sum(areas) - shared)


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two bool maps."""
    return float(np.count_nonzero(a & b) / max(np.count_nonzero(a | b), 1))
