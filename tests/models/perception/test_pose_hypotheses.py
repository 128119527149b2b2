"""Hypotheses against the truth of composed scenes."""

import numpy as np
import pytest

from models.geometry.procedural import build_object
from models.geometry.se3 import rigid
from models.metrics.pose_error import rotation_error_degrees
from models.perception.pose_hypotheses import _completions, directions, hypotheses
from models.perception.pose_observation import observe
from models.perception.scene_composer import PoseScene, compose_pose
from models.renderers.open3d_cpu import Open3DRenderer


def scene_of(category: str, occlusion: float = 0.0) -> PoseScene:
    return compose_pose(build_object(category, 3).detailed, category, 3, occlusion)


def test_directions_are_well_spread() -> None:
    found = directions(240)
    assert np.allclose(np.linalg.norm(found, axis=1), 1.0)
    probes = np.random.default_rng(0).normal(0, 1, (2000, 3))
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    assert np.degrees(np.arccos((probes @ found.T).max(axis=1))).max() < 12.0


@pytest.mark.parametrize("with_depth", [True, False])
def test_the_truth_is_among_them(with_depth: bool) -> None:
    scene = scene_of("chair")
    seen = observe(scene.problem if with_depth else scene.without_depth, 48)
    found = hypotheses(Open3DRenderer().load(scene.problem.mesh), seen, 20)
    poses = [rigid(seen.virtual_from_camera.T, np.zeros(3)) @ one for one in found]
    errors = [rotation_error_degrees(one, scene.camera_from_object) for one in poses]
    assert len(found) == 20 and min(errors) < 20.0
    best = poses[int(np.argmin(errors))]
    assert np.linalg.norm(best[:3, 3] - scene.camera_from_object[:3, 3]) < 0.15 * scene.camera_from_object[2, 3]


def test_a_hidden_part_is_completed_towards_what_hides_it() -> None:
    assert len(_completions(observe(scene_of("teapot").problem, 48))) == 1
    found = _completions(observe(scene_of("teapot", 0.3).problem, 48))
    assert len(found) > 1 and found[1][1] > found[0][1]
