"""What else could a picture show of a mesh: its mirror image, or the mesh itself from another side? What is right looks more like the picture.

Candidates are compared by their edges, as finely as the picture allows: outlines, depth and broad colours have let them through already.
"""

from dataclasses import replace

import cv2
import numpy as np

from data_specs.camera import Camera, Intrinsics
from models.geometry.mesh_ops import mirror_image
from models.geometry.se3 import rigid
from models.geometry.symmetry import find_symmetry, has_mirror_symmetry
from models.metrics.pose_error import rotation_error_degrees
from models.metrics.posed_agreement import crop_both, edge_difference
from models.perception.base import PoseProblem
from models.perception.render_and_compare import RIVAL_DEGREES, candidates
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer, Scene

WORKING_PIXELS = 128
MARGIN_SHARE = 0.1
SAMPLES = 4

UNLIKE = 1.0
"""Difference of edges that have nothing in common."""


def mirror_lead(problem: PoseProblem, camera_from_object: np.ndarray) -> float | None:
    """How much nearer to the picture the mesh's reflection comes than the mesh at its pose (4, 4), as a difference of `edge_difference`.

    The mask must not be empty. None for a mesh that is its own mirror image, and where the reflection finds no pose. Takes a pose estimate.
    """
    if has_mirror_symmetry(Open3DRenderer().load(problem.mesh)):
        return None
    reflected = replace(problem, mesh=mirror_image(problem.mesh))
    scene = Open3DRenderer().load(reflected.mesh)
    return _lead(problem, camera_from_object, scene, _poses(scene, reflected))


def rival_lead(problem: PoseProblem, camera_from_object: np.ndarray) -> float | None:
    """How much nearer to the picture the mesh comes from another side than at its pose (4, 4), as a difference of `edge_difference`.

    Another side: turned by more than `RIVAL_DEGREES`, symmetry considered. The mask must not be empty. None where there is no such pose. Takes a
    pose estimate.
    """
    scene = Open3DRenderer().load(problem.mesh)
    symmetry = find_symmetry(scene)
    poses = [pose for pose in _poses(scene, problem) if rotation_error_degrees(pose, camera_from_object, symmetry) > RIVAL_DEGREES]
    return _lead(problem, camera_from_object, scene, poses)


def _poses(scene: Scene, problem: PoseProblem) -> list[np.ndarray]:
    """The best poses that a mesh finds in a picture, `camera_from_object` (4, 4) each."""
    seen, found = candidates(scene, problem)
    turn = rigid(seen.virtual_from_camera.T, np.zeros(3))
    return [turn @ one.placement.virtual_from_object for one in found if one.evidence.overlap > 0]


def _lead(problem: PoseProblem, camera_from_object: np.ndarray, other: Scene, poses: list[np.ndarray]) -> float | None:
    """By how much the best of another mesh's poses outdoes the mesh at its pose; None without a pose."""
    small, mask, k = _near(problem.picture.rgb, problem.mask, problem.intrinsics)

    def difference(scene: Scene, pose: np.ndarray) -> float:
        found = edge_difference(crop_both(small, mask, Open3DRenderer().render(scene, Camera(k, pose), UniformLight(), SAMPLES)))
        return UNLIKE if found is None else found

    own = difference(Open3DRenderer().load(problem.mesh), camera_from_object)
    return own - min(difference(other, pose) for pose in poses) if poses else None


def _near(rgb: np.ndarray, inside: np.ndarray, k: Intrinsics) -> tuple[np.ndarray, np.ndarray, Intrinsics]:
    """The picture around the mask at working size, (S, S, 3) and (S, S) bool, and the lens that sees it so."""
    rows, columns = np.nonzero(inside)
    side = (max(int(np.ptp(rows)), int(np.ptp(columns))) + 1) * (1.0 + 2.0 * MARGIN_SHARE)
    left, top = (columns.min() + columns.max() + 1 - side) / 2.0, (rows.min() + rows.max() + 1 - side) / 2.0
    scale = WORKING_PIXELS / side
    # OpenCV's pixel centres lie at whole numbers, ours at +0.5.
    matrix = np.array([[scale, 0.0, scale * (0.5 - left) - 0.5], [0.0, scale, scale * (0.5 - top) - 0.5]])
    source = cv2.GaussianBlur(rgb, (0, 0), 0.4 / scale) if scale < 0.7 else rgb
    small, mask = (cv2.warpAffine(values, matrix, (WORKING_PIXELS,) * 2, flags=cv2.INTER_LINEAR) for values in (source, inside.astype(np.float32)))
    lens = Intrinsics(WORKING_PIXELS, WORKING_PIXELS, k.focal_x * scale, k.focal_y * scale, (k.centre_x - left) * scale, (k.centre_y - top) * scale)
    return small, mask > 0.5, lens
