"""Is a mesh the mirror image of what a picture shows? Then its reflection, drawn at the same pose, looks more like the picture than it does."""

import cv2
import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.metrics.multiview import PairDistance
from models.metrics.posed_agreement import crop_both, cut_outs
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer

WORKING_PIXELS = 128
MARGIN_SHARE = 0.1
SAMPLES = 4
PLANES = np.array([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [1.0, 1.0, -1.0], [1.0, -1.0, 1.0]])
"""Signs of x, y, z: the mesh itself, then its reflections left to right, front to back, top to bottom."""


def mirror_lead(rgb: np.ndarray, inside: np.ndarray, mesh: Mesh, camera: Camera, distance: PairDistance) -> float:
    """How much nearer to the picture the best reflection comes than the mesh, in units of `distance`; about 0 for a symmetric object.

    rgb: (H, W, 3) uint8. inside: (H, W) bool, not empty. mesh: in the canonical object frame. camera: of the picture; its world is the object frame.
    """
    small, mask, k = _near(rgb, inside, camera.intrinsics)
    renderer = Open3DRenderer()
    scene = renderer.load(mesh)
    pairs = []
    for signs in PLANES:
        # A reflection seen by a camera is the mesh seen by the reflected camera.
        reflected = Camera(k, camera.camera_from_world @ np.diag([*signs, 1.0]))
        pairs.append(cut_outs(crop_both(small, mask, renderer.render(scene, reflected, UniformLight(), SAMPLES))))
    seen, drawn = (np.stack(side) for side in zip(*pairs))
    own, *mirrored = distance(seen, drawn)
    return float(own - min(mirrored))


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
