"""Poses of many scenes by FoundationPose, its networks loaded once. Runs in its own environment, not in ours:

    python foundation_pose_scenes.py CHECKOUT SCENES

CHECKOUT: its released code, with weights. SCENES: a file that lists scene folders, one a line, each as models/perception/foundation_pose.py describes
them; the result of each is there as soon as it is found. A scene that fails is told of, the others go on, and the exit status is 1.
"""

import os
import sys
import traceback
from pathlib import Path

import cv2
import numpy as np
import trimesh

REFINEMENTS = 5
NEAREST_M = 0.1
"""As in the released run_demo.py and its reader."""


def register(scene: Path, networks: dict) -> np.ndarray:
    """camera_from_object of a scene, (4, 4), metres."""
    from estimater import FoundationPose

    mesh = trimesh.load(scene / "mesh" / "mesh.obj")
    colour = cv2.imread(str(scene / "rgb" / "000000.png"))[..., ::-1].copy()
    depth = cv2.imread(str(scene / "depth" / "000000.png"), -1) / 1e3
    depth[depth < NEAREST_M] = 0
    mask = cv2.imread(str(scene / "masks" / "000000.png"), -1) > 0
    matrix = np.loadtxt(scene / "cam_K.txt").reshape(3, 3)
    folder = str(scene / "result")
    estimator = FoundationPose(mesh.vertices, mesh.vertex_normals, mesh=mesh, debug=0, debug_dir=folder, **networks)
    try:
        pose = estimator.register(K=matrix, rgb=colour, depth=depth, ob_mask=mask, iteration=REFINEMENTS)
    finally:
        if getattr(estimator, "mesh_path", None):  # a copy of every mesh, which the released code leaves in /tmp
            Path(estimator.mesh_path).unlink(missing_ok=True)
    return np.asarray(pose).reshape(4, 4)


def main(checkout: Path, listed: Path) -> int:
    """Register all scenes; the exit status."""
    sys.path.insert(0, str(checkout))
    import nvdiffrast.torch as dr
    from estimater import PoseRefinePredictor, ScorePredictor

    networks, failed = {"scorer": ScorePredictor(), "refiner": PoseRefinePredictor(), "glctx": dr.RasterizeCudaContext()}, 0
    for scene in map(Path, listed.read_text().splitlines()):
        try:
            pose = register(scene, networks)
        except Exception:  # one bad scene takes no other along
            traceback.print_exc()
            failed = 1
            continue
        result = scene / "result" / "ob_in_cam" / "000000.txt"
        result.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(result.with_suffix(".tmp"), pose)
        os.replace(result.with_suffix(".tmp"), result)
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
