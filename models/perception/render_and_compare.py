"""The embedded pose estimator: views of the mesh from all around against the picture, the best of them refined, the best of those kept.

No weights. With depth of any scale it goes by shape, silhouette and colours; without, by silhouette and colours.
"""

from dataclasses import dataclass

import numpy as np

from data_specs.asset import Mesh
from models.geometry.se3 import rigid
from models.geometry.symmetry import Symmetry, find_symmetry, rotation_angle
from models.metrics.pose_error import rotation_error_degrees
from models.perception.base import Miss, Pose, PoseProblem
from models.perception.pose_confidence import confidence
from models.perception.pose_hypotheses import hypotheses
from models.perception.pose_observation import Observation, observe
from models.perception.pose_refinement import Placement, place, refine
from models.perception.pose_rendering import look
from models.perception.pose_scores import Evidence, rank, weigh
from models.renderers.open3d_cpu import Open3DRenderer, Scene

SIZES_PIXELS, SIZES_THIN_PIXELS = (48, 96), (96, 160)
"""Of the crop, first for all hypotheses, then for the best; larger for what covers fewer than `THIN_PIXELS` of the small one."""

THIN_PIXELS = 120
PROPOSED, KEPT, KEPT_FINE = 60, 12, 4
ROUNDS, ROUNDS_FINE = 6, 12
SAME_DEGREES, RIVAL_DEGREES = 4.0, 15.0
SMALLEST_MASK = 60
"""Pixels: an object that is seen smaller has no pose."""


@dataclass(frozen=True)
class Candidate:
    """A pose in the virtual camera's frame, what speaks for it, and the score it is ranked by."""

    placement: Placement
    evidence: Evidence
    score: float


class RenderAndCompare:
    """`PoseEstimator` without weights. What was prepared for a mesh is kept until another mesh comes."""

    def __init__(self) -> None:
        self._prepared: tuple[Mesh, Scene, Symmetry] | None = None

    def estimate(self, problems: list[PoseProblem]) -> list[Pose | Miss]:
        """The pose of each object; a Miss of rule `mask_too_small` or `no_pose`."""
        return [self._estimate(problem) for problem in problems]

    def _estimate(self, problem: PoseProblem) -> Pose | Miss:
        area = int(np.count_nonzero(problem.mask))
        if area < SMALLEST_MASK:
            return Miss("mask_too_small", f"the mask has {area} pixels", float(area), float(SMALLEST_MASK))
        _, scene, symmetry = self._prepare(problem.mesh)
        seen, found = candidates(scene, problem)
        if not found or found[0].evidence.overlap == 0.0:
            return Miss("no_pose", "no view of the mesh resembles what the mask shows")
        poses = camera_poses(seen, found)
        return Pose(poses[0], confidence(found[0].evidence, margin(found, symmetry), seen.has_depth), not symmetry.trivial, poses)

    def _prepare(self, mesh: Mesh) -> tuple[Mesh, Scene, Symmetry]:
        if self._prepared is None or self._prepared[0] is not mesh:
            scene = Open3DRenderer().load(mesh)
            self._prepared = mesh, scene, find_symmetry(scene)
        return self._prepared


def candidates(scene: Scene, problem: PoseProblem) -> tuple[Observation, list[Candidate]]:
    """What is observed, and refined poses, best first."""
    sizes = SIZES_PIXELS
    coarse = observe(problem, sizes[0])
    if np.count_nonzero(coarse.inside) < THIN_PIXELS:
        sizes = SIZES_THIN_PIXELS
        coarse = observe(problem, sizes[0])
    fine = observe(problem, sizes[1])
    proposed = [_placed(scene, coarse, pose) for pose in hypotheses(scene, coarse, PROPOSED)]
    kept = [one.placement for one in _ranked(scene, coarse, proposed)[:KEPT]]
    refined = _ranked(scene, coarse, [refine(scene, coarse, one, ROUNDS, not coarse.has_depth) for one in kept])
    best = [one.placement for one in _distinct(refined)[:KEPT_FINE]]
    return fine, _ranked(scene, fine, [refine(scene, fine, one, ROUNDS_FINE, True) for one in best])


def camera_poses(seen: Observation, found: list[Candidate]) -> tuple[np.ndarray, ...]:
    """`camera_from_object` (4, 4) of candidates that cover some of the mask."""
    turn = rigid(seen.virtual_from_camera.T, np.zeros(3))
    return tuple(turn @ one.placement.virtual_from_object for one in found if one.evidence.overlap > 0.0)


def margin(found: list[Candidate], symmetry: Symmetry) -> float:
    """By how much the best pose outdoes the best that is another one, symmetry considered; the whole score where there is none."""
    best = found[0]
    for other in found[1:]:
        if rotation_error_degrees(other.placement.virtual_from_object, best.placement.virtual_from_object, symmetry) > RIVAL_DEGREES:
            return best.score - other.score
    return best.score


def _placed(scene: Scene, seen: Observation, pose: np.ndarray) -> Placement:
    return place(look(scene, pose, seen.intrinsics), seen, pose)


def _ranked(scene: Scene, seen: Observation, placements: list[Placement]) -> list[Candidate]:
    """Placements with what speaks for them, best first."""
    found = []
    for placement in placements:
        evidence = weigh(look(scene, placement.virtual_from_object, seen.intrinsics, with_colour=True), seen, placement)
        found.append(Candidate(placement, evidence, rank(evidence)))
    return sorted(found, key=lambda one: -one.score)


def _distinct(ranked: list[Candidate]) -> list[Candidate]:
    """Those that no better one resembles."""
    chosen: list[Candidate] = []
    for one in ranked:
        rotation = one.placement.virtual_from_object[:3, :3]
        if all(rotation_angle(rotation.T @ other.placement.virtual_from_object[:3, :3]) > np.radians(SAME_DEGREES) for other in chosen):
            chosen.append(one)
    return chosen
