"""Fit the confidence of poses on the tuning split: `python -m tests.benchmarks._pose_confidence`, about ten minutes on one core.

Prints the coefficients for `models/perception/pose_confidence.py`, and how well they tell right from wrong on the objects they were not
fitted to (five folds by object).
"""

import numpy as np

from models.geometry.procedural import build_object
from models.geometry.se3 import rigid
from models.metrics.pose_error import add_s, rotation_error_degrees
from models.perception.pose_confidence import features
from models.perception.render_and_compare import candidates, margin
from models.perception.scene_composer import PoseScene, compose_pose
from models.renderers.open3d_cpu import Open3DRenderer
from tests.benchmarks._pose_cases import TUNING, truth_of

SEEDS, OCCLUSIONS = range(500, 504), (0.0, 0.3)
PENALTY, STEPS, FOLDS = 0.02, 50, 5


def main() -> None:
    """Solve the scenes, fit, print."""
    rows: dict[bool, list[tuple[int, np.ndarray, bool]]] = {True: [], False: []}
    for number, (category, seed) in enumerate((category, seed) for seed in SEEDS for category in TUNING):
        for with_depth in rows:
            for occlusion in OCCLUSIONS if with_depth else (0.0,):
                scene = compose_pose(build_object(category, seed).detailed, f"{category}/{seed}", seed, occlusion)
                rows[with_depth] += [(number, *row) for row in _solved(scene, with_depth, TUNING[(number + 1) % len(TUNING)], seed)]
    for with_depth, found in rows.items():
        groups, inputs, right = (np.array(column) for column in zip(*found))
        print("WITH_DEPTH" if with_depth else "WITHOUT_DEPTH", "=", tuple(round(float(value), 2) for value in fit(inputs, right)))
        print(_held_out(groups, inputs, right), flush=True)


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


def _held_out(groups: np.ndarray, inputs: np.ndarray, right: np.ndarray) -> str:
    expected = np.empty(len(right))
    for fold in range(FOLDS):
        out = groups % FOLDS == fold
        expected[out] = 1.0 / (1.0 + np.exp(-inputs[out] @ fit(inputs[~out], right[~out])))
    sure = expected > 0.5
    return (
        f"  {len(right)} poses, {100 * right.mean():.0f} % right; Brier score {np.mean((expected - right) ** 2):.3f};"
        f" of {sure.sum()} with confidence above 0.5, {100 * right[sure].mean():.0f} % right; mean confidence {expected.mean():.2f}"
    )


if __name__ == "__main__":
    main()
