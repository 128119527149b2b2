"""What is true of a composed picture, and whether what the pipeline made of it is right."""

from dataclasses import dataclass

import numpy as np

from data_specs.asset import Mesh
from models.geometry.symmetry import Symmetry, find_symmetry
from models.metrics.pose_error import RECALL_SHARE, add_s, diameter, rotation_error_degrees
from models.renderers.open3d_cpu import Open3DRenderer

RIGHT_DEGREES = 15.0
MOST_POINTS = 5000
"""Errors are averages over the vertices, or over so many of them."""


@dataclass(frozen=True)
class PoseTruth:
    """How an object really stands.

    camera_from_object: (4, 4). symmetry: of shape and colours. points: (P, 3) of the mesh. diameter: in units of the object frame.
    """

    camera_from_object: np.ndarray
    symmetry: Symmetry
    points: np.ndarray
    diameter: float

    def errors(self, estimated: np.ndarray) -> tuple[float, float]:
        """ADD-S as a share of the diameter, and the rotation in degrees up to symmetry; estimated: `camera_from_object` (4, 4)."""
        near = add_s(estimated, self.camera_from_object, self.points) / self.diameter
        return near, rotation_error_degrees(estimated, self.camera_from_object, self.symmetry)

    def is_right(self, estimated: np.ndarray) -> bool:
        """ADD-S below 10 % of the diameter and the rotation within 15 degrees, symmetry considered."""
        near, degrees = self.errors(estimated)
        return near < RECALL_SHARE and degrees <= RIGHT_DEGREES


def pose_truth(mesh: Mesh, camera_from_object: np.ndarray) -> PoseTruth:
    """The truth of a mesh (canonical object frame) at a pose."""
    points = mesh.vertices.astype(np.float64)
    step = max(1, len(points) // MOST_POINTS)
    return PoseTruth(camera_from_object, find_symmetry(Open3DRenderer().load(mesh)), points[::step], diameter(points))
