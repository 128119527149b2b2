"""Evidence and confidence: the truth outdoes what is not."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.procedural import build_object
from models.geometry.se3 import rigid
from models.perception.pose_confidence import confidence
from models.perception.pose_observation import observe
from models.perception.pose_refinement import place
from models.perception.pose_rendering import look
from models.perception.pose_scores import Evidence, rank, weigh
from models.perception.scene_composer import compose_pose
from models.renderers.open3d_cpu import Open3DRenderer


@pytest.mark.parametrize("occlusion", [0.0, 0.3])
@pytest.mark.parametrize("with_depth", [True, False])
def test_the_truth_ranks_first(occlusion: float, with_depth: bool) -> None:
    scene = compose_pose(build_object("teapot", 5).detailed, "teapot", 5, occlusion)
    seen = observe(scene.problem if with_depth else scene.without_depth, 96)
    true, loaded = rigid(seen.virtual_from_camera, np.zeros(3)) @ scene.camera_from_object, Open3DRenderer().load(scene.problem.mesh)
    found = []
    for degrees in (0, 15, 40, 120):
        pose = rigid(true[:3, :3] @ Rotation.from_euler("y", degrees, degrees=True).as_matrix(), true[:3, 3])
        view = look(loaded, pose, seen.intrinsics, with_colour=True)
        found.append(weigh(view, seen, place(view, seen, pose)))
    assert max(found, key=rank) is found[0]
    assert found[0].overlap > (0.9 if with_depth or not occlusion else 0.6) and (found[0].depth > 0.7) == with_depth


@pytest.mark.parametrize("has_depth", [True, False])
def test_confidence_rises_with_the_evidence(has_depth: bool) -> None:
    good, poor = Evidence(0.98, 0.85 * has_depth, 0.05, 0.9), Evidence(0.7, 0.3 * has_depth, 0.15, 0.3)
    assert confidence(poor, 0.02, has_depth) < 0.5 < confidence(good, 0.2, has_depth) <= 1.0
    assert confidence(good, 0.0, has_depth) <= confidence(good, 0.2, has_depth)
