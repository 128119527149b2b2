"""What is known of one picture on its way to an aligned sample."""

from dataclasses import dataclass

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Intrinsics
from data_specs.subject import SubjectLine
from models.perception.base import Box, Mask, Picture, Pose
from models.perception.second_look import Other
from models.renderers.base import Maps

NOT_READ = Picture(np.zeros((0, 0, 3), np.uint8))
"""Stands for the picture of a line whose pixels nobody has read yet."""


@dataclass(frozen=True)
class Candidate:
    """What is known of one picture so far; each step fills in more with `dataclasses.replace`."""

    line: SubjectLine
    picture: Picture
    boxes: tuple[Box, ...] = ()
    """All that the detector reports, best first."""
    mask: Mask | None = None
    """Of the best box."""
    mesh: Mesh | None = None
    """Canonical frame, faces reduced, with texture coordinates and texture."""
    mesh_origin: str = ""
    mesh_key: str = ""
    """`AlignedSubjectRecord.mesh_key`."""
    depth: np.ndarray | None = None
    """(H, W) float32 along +Z, calibrated to the mesh's scale (units of the object frame), 0 = unknown."""
    depth_scale: float | None = None
    """Units of the object frame per unit of the depth as it was estimated, by mask and mesh alone; what a sample says goes by the pose too."""
    intrinsics: Intrinsics | None = None
    pose: Pose | None = None
    posed: Maps | None = None
    """The mesh at its pose, uniform light, as large as the picture."""
    others: tuple[Other, ...] | None = None
    """What the picture shows beside the posed mesh, best first; None before anybody looked, and for a mesh that covers no pixel."""
