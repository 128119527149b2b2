"""Is a mesh the mirror image of what a picture shows? Then its reflection, at the best pose of its own, looks more like the picture than it does."""

from dataclasses import replace

import cv2
import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.mesh_ops import mirror_image
from models.geometry.symmetry import has_mirror_symmetry
from models.metrics.multiview import PairDistance
from models.metrics.posed_agreement import Crop, crop_both, cut_outs
from models.perception.base import Miss, PoseProblem
from models.perception.render_and_compare import RenderAndCompare
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer

WORKING_PIXELS = 128
MARGIN_SHARE = 0.1
SAMPLES = 4


def mirror_lead(problem: PoseProblem, camera_from_object: np.ndarray, distance: PairDistance) -> float | None:
    """How much nearer to the picture the mesh's reflection comes than the mesh at its pose (4, 4), in units of `distance`.

    The mask must not be empty. None for a mesh that is its own mirror image, and where the reflection finds no pose. Takes a pose estimate.
    """
    if has_mirror_symmetry(Open3DRenderer().load(problem.mesh)):
        return None
    reflected = replace(problem, mesh=mirror_image(problem.mesh))
    pose = RenderAndCompare().estimate([reflected])[0]
    if isinstance(pose, Miss):
        return None
    small, mask, k = _near(problem.picture.rgb, problem.mask, problem.intrinsics)

    def drawn(mesh: Mesh, matrix: np.ndarray) -> Crop:
        renderer = Open3DRenderer()
        return crop_both(small, mask, renderer.render(renderer.load(mesh), Camera(k, matrix), UniformLight(), SAMPLES))

    pairs = [cut_outs(drawn(problem.mesh, camera_from_object)), cut_outs(drawn(reflected.mesh, pose.camera_from_object))]
    own, other = distance(*(np.stack(side) for side in zip(*pairs)))
    return float(own - other)


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
