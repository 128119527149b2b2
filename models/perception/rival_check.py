"""What else could a picture show of a mesh: its mirror image, or the mesh itself from another side? What is right looks more like the picture.

Candidates are compared by their edges, as finely as the picture allows: outlines, depth and broad colours have let them through already.
"""

from dataclasses import replace

import cv2
import numpy as np

from data_specs.camera import Camera, Intrinsics
from models.geometry.mesh_ops import mirror_image
from models.geometry.symmetry import find_symmetry, has_mirror_symmetry
from models.metrics.pose_error import rotation_error_degrees
from models.metrics.posed_agreement import crop_both, edge_difference
from models.perception.base import Pose, PoseProblem
from models.perception.render_and_compare import RIVAL_DEGREES, camera_poses, candidates
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer, Scene

WORKING_PIXELS = 128
MARGIN_SHARE = 0.1
SAMPLES = 4

UNLIKE = 1.0
"""Difference of edges that have nothing in common."""


def mirror_lead(problem: PoseProblem, pose: Pose) -> float | None:
    """How much nearer to the picture the mesh's reflection comes than the mesh at its pose, as a difference of `edge_difference`.

    The mask must not be empty. None for a mesh that is its own mirror image, and where the reflection finds no pose. Takes a pose estimate.
    """
    if has_mirror_symmetry(Open3DRenderer().load(problem.mesh)):
        return None
    reflected = replace(problem, mesh=mirror_image(problem.mesh))
    scene = Open3DRenderer().load(reflected.mesh)
    return _lead(problem, pose, scene, list(camera_poses(*candidates(scene, reflected))))


def rival_lead(problem: PoseProblem, pose: Pose) -> float | None:
    """How much nearer to the picture the mesh comes from another side than at its pose, as a difference of `edge_difference`.

    Another side: turned by more than `RIVAL_DEGREES`, symmetry considered. The mask must not be empty. None where there is no such pose. Takes a
    pose estimate where the pose does not come with what else was weighed.
    """
    scene = Open3DRenderer().load(problem.mesh)
    symmetry, weighed = find_symmetry(scene), pose.weighed or camera_poses(*candidates(scene, problem))
    return _lead(problem, pose, scene, [one for one in weighed if rotation_error_degrees(one, pose.camera_from_object, symmetry) > RIVAL_DEGREES])


def _lead(problem: PoseProblem, pose: Pose, other: Scene, rivals: list[np.ndarray]) -> float | None:
    """By how much the best of another mesh's poses outdoes the mesh at its pose; None without a pose."""
    small, mask, k = _near(problem.picture.rgb, problem.mask, problem.intrinsics)

    def difference(scene: Scene, camera_from_object: np.ndarray) -> float:
        found = edge_difference(crop_both(small, mask, Open3DRenderer().render(scene, Camera(k, camera_from_object), UniformLight(), SAMPLES)))
        return UNLIKE if found is None else found

    if not rivals:
        return None
    return difference(Open3DRenderer().load(problem.mesh), pose.camera_from_object) - min(difference(other, one) for one in rivals)


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
