"""Fit the confidence of poses on the tuning split: `python -m tests.benchmarks._pose_confidence`, about fifteen minutes on one core.

Prints the coefficients for `models/perception/pose_confidence.py`, and how well they tell right from wrong on objects of the held-out
categories: the Brier score, and of poses with about the same confidence how many are right.
"""

from itertools import pairwise

import numpy as np

from models.geometry.procedural import build_object
from models.geometry.se3 import rigid
from models.metrics.pose_error import add_s, rotation_error_degrees
from models.perception.pose_confidence import features
from models.perception.render_and_compare import candidates, margin
from models.perception.scene_composer import PoseScene, compose_pose
from models.renderers.open3d_cpu import Open3DRenderer
from tests.benchmarks._pose_cases import HELD_OUT, TUNING, truth_of

SEEDS, OCCLUSIONS = range(500, 504), (0.0, 0.3)
PENALTY, STEPS = 0.02, 50
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


def main() -> None:
    """Solve the scenes of both splits, fit to the one, check on the other, print."""
    for with_depth in (True, False):
        inputs, right = _rows(TUNING, with_depth)
        weights = fit(inputs, right)
        print("WITH_DEPTH" if with_depth else "WITHOUT_DEPTH", "=", tuple(round(float(value), 2) for value in weights))
        for name, (of, truth) in (("tuning", (inputs, right)), ("held-out categories", _rows(HELD_OUT, with_depth))):
            print(f"  {name}: " + "\n    ".join(_reliability(1.0 / (1.0 + np.exp(-of @ weights)), truth)), flush=True)


def _rows(categories: tuple[str, ...], with_depth: bool) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, K), and whether the pose is right (N,)."""
    rows = []
    for number, (category, seed) in enumerate((category, seed) for seed in SEEDS for category in categories):
        for occlusion in OCCLUSIONS if with_depth else (0.0,):
            scene = compose_pose(build_object(category, seed).detailed, f"{category}/{seed}", seed, occlusion)
            rows += _solved(scene, with_depth, categories[(number + 1) % len(categories)], seed)
    inputs, right = (np.array(column) for column in zip(*rows))
    return inputs, right


def _solved(scene: PoseScene, with_depth: bool, other: str, seed: int) -> list[tuple[np.ndarray, bool]]:
    """Features, and whether the pose is right, with the object's own mesh and with another object's."""
    problem, rows = scene.problem if with_depth else scene.without_depth, []
    for mesh in (problem.mesh, build_object(other, seed + 1).detailed):
        truth = truth_of(mesh)
        seen, found = candidates(Open3DRenderer().load(mesh), problem)
        pose = rigid(seen.virtual_from_camera.T, np.zeros(3)) @ found[0].placement.virtual_from_object
        near = add_s(pose, scene.camera_from_object, truth.points) < 0.1 * truth.diameter
        turned = rotation_error_degrees(pose, scene.camera_from_object, truth.symmetry) <= 15.0
        rows.append((features(found[0].evidence, margin(found, truth.symmetry)), bool(mesh is problem.mesh and near and turned)))
    return rows


def fit(inputs: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Logistic regression by Newton's method. inputs: (N, K), the first column 1 and not penalised. right: (N,) bool. Returns (K,)."""
    weights, penalty = np.zeros(inputs.shape[1]), PENALTY * np.diag([0.0] + [1.0] * (inputs.shape[1] - 1))
    for _ in range(STEPS):
        expected = 1.0 / (1.0 + np.exp(-inputs @ weights))
        slope = inputs.T @ (expected - right) + penalty @ weights
        curvature = inputs.T @ (inputs * (expected * (1.0 - expected))[:, None]) + penalty + 1e-6 * np.eye(len(weights))
        weights = weights - np.linalg.solve(curvature, slope)
    return weights


def _reliability(expected: np.ndarray, right: np.ndarray) -> list[str]:
    """The Brier score, then for poses of about the same confidence: how many, their mean confidence, how many of them are right."""
    rows = [f"{len(right)} poses, {100 * right.mean():.0f} % right; Brier score {np.mean((expected - right) ** 2):.3f}"]
    for low, high in pairwise(BINS):
        here = (expected >= low) & ((expected < high) | (high == 1.0))
        if here.any():
            rows.append(
                f"{low:.1f} to {high:.1f}: {here.sum():3d} poses, mean confidence {expected[here].mean():.2f}, right {right[here].mean():.2f}"
            )
    return rows


if __name__ == "__main__":
    main()
