"""The embedded pose estimator: views of the mesh from all around against the picture, the best of them refined, the best of those kept.

No weights. With depth of any scale it uses shape, silhouette and colours; without, silhouette and colours.
"""

from dataclasses import dataclass

import numpy as np

from data_specs.asset import Mesh
from models.geometry.se3 import rigid
from models.geometry.symmetry import Symmetry, find_symmetry
from models.perception.base import Miss, Pose, PoseProblem
from models.perception.pose_hypotheses import hypotheses
from models.perception.pose_observation import Observation, observe
from models.perception.pose_refinement import Placement, place, refine
from models.perception.pose_scores import Evidence, rank, weigh
from models.renderers.open3d_cpu import Open3DRenderer, Scene

COARSE_PIXELS, FINE_PIXELS = 48, 96
PROPOSED, KEPT, KEPT_FINE = 60, 12, 4
COARSE_ROUNDS, FINE_ROUNDS = 6, 6
SMALLEST_MASK = 60
"""Pixels: an object that is seen smaller has no pose."""


@dataclass(frozen=True)
class Ranked:
    """A refined pose and what speaks for it."""

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
        scene, symmetry = self._prepare(problem.mesh)
        ranked = candidates(scene, problem)
        if not ranked:
            return Miss("no_pose", "no view of the mesh resembles what the mask shows")
        fine = observe(problem, FINE_PIXELS)
        best = ranked[0]
        pose = rigid(fine.virtual_from_camera.T, np.zeros(3)) @ best.placement.virtual_from_object
        return Pose(pose, None, not symmetry.trivial)

    def _prepare(self, mesh: Mesh) -> tuple[Scene, Symmetry]:
        if self._prepared is None or self._prepared[0] is not mesh:
            scene = Open3DRenderer().load(mesh)
            self._prepared = mesh, scene, find_symmetry(scene)
        return self._prepared[1:]


def candidates(scene: Scene, problem: PoseProblem) -> list[Ranked]:
    """Refined poses in the virtual camera's frame, best first."""
    coarse, fine = observe(problem, COARSE_PIXELS), observe(problem, FINE_PIXELS)
    first = [place(scene, coarse, one.virtual_from_object) for one in hypotheses(scene, coarse, KEPT if coarse.has_depth else PROPOSED)]
    if not coarse.has_depth:  # silhouettes alone leave many sides open; how light falls on them decides
        first = [one.placement for one in _ranked(scene, coarse, first)[:KEPT]]
    refined = [refine(scene, coarse, one, COARSE_ROUNDS, not coarse.has_depth) for one in first]
    best = _ranked(scene, coarse, refined)[:KEPT_FINE]
    return _ranked(scene, fine, [refine(scene, fine, one.placement, FINE_ROUNDS, True) for one in best])


def _ranked(scene: Scene, seen: Observation, placements: list[Placement]) -> list[Ranked]:
    """Placements with what speaks for them, best first."""
    weighed = [(placement, weigh(scene, seen, placement)) for placement in placements]
    return sorted((Ranked(placement, evidence, rank(evidence)) for placement, evidence in weighed), key=lambda one: -one.score)
