"""One composed picture through the whole pipeline, once as it is and once with every fault planted: all scores, and what would be right to keep.

No filter stops anything here. Faults of the mesh replace what the generator returned, a wrong pose what was estimated. Without a fault the mesh is
the object's own; where the estimator gets its pose wrong, or the generator its mesh, that is a fault which nobody planted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from data_specs.asset import Mesh
from data_specs.ids import seed_from
from data_specs.subject import SubjectLine
from models.perception.base import Miss, Picture, Pose
from models.perception.scene_composer import PoseScene
from tasks.align.candidate import Candidate
from tasks.align.filters import FILTERS, FilterContext
from tasks.align.picture_faults import with_second_object, without_object
from tasks.align.planted_faults import MESH_FAULTS, plant_in_mesh, plant_in_pose
from tasks.align.steps import Tools, cut_out, detect, draw_posed, estimate_depth, estimate_pose, look_beside, segment
from tasks.align.thresholds import GENERATOR, Scored
from tasks.align.truth import PoseTruth, pose_truth
from tasks.align.tuning_scenes import TuningObject, tuning_scene


def score_object(one: TuningObject, others: list[TuningObject], tools: Tools) -> Iterator[Scored]:
    """The candidates of an object's picture: with its own mesh, with each fault that is one here, with what the generator finds if that is wrong.

    others: the other objects of its split.
    """
    rng = np.random.default_rng(seed_from("planted faults", one.object_id))
    scene, layout = tuning_scene(one, tools.params.tuning)
    has_depth = rng.random() < tools.params.tuning.depth_share
    strangers = [other.mesh for other in others]
    alike = [other.mesh for other in others if other.category == one.category] or strangers
    run = _Run(one, has_depth, pose_truth(one.mesh, scene.camera_from_object), tools)
    seen = run.see(scene.problem.picture)
    yield run.finish(seen, "", one.mesh)
    yield from run.found(seen, {other.object_id: other.mesh for other in others})
    elsewhere = replace(layout, clutter=max(layout.clutter, 1))  # an empty backdrop would be too easy
    yield run.finish(run.see(without_object(strangers, elsewhere, rng)), "no_object", one.mesh)
    yield from run.two_objects(scene, strangers, rng)
    for fault in MESH_FAULTS:
        near = alike if fault == "wrong_mesh" and rng.random() < 0.5 else strangers
        made = plant_in_mesh(fault, one.mesh, near, rng, scene.camera_from_object)
        if made is not None:
            yield run.finish(seen, fault, made)
    wrong = plant_in_pose(run.truth, rng)
    if wrong is not None:
        yield run.finish(seen, "wrong_pose", one.mesh, wrong)


@dataclass(frozen=True)
class _Run:
    """The pipeline for the pictures of one object."""

    one: TuningObject
    has_depth: bool
    truth: PoseTruth
    tools: Tools

    def see(self, picture: Picture) -> Candidate | Miss:
        """Box and mask."""
        line = SubjectLine(
            subject_id=self.one.object_id, object_id=self.one.object_id, source="composed", location="", sha256="", item=self.one.category
        )
        candidate = detect([Candidate(line, picture if self.has_depth else replace(picture, depth=None))], self.tools)[0]
        assert isinstance(candidate, Candidate)
        return segment([candidate], self.tools)[0] if candidate.boxes else Miss("no_object", "nothing was found")

    def two_objects(self, scene: PoseScene, strangers: list[Mesh], rng: np.random.Generator) -> Iterator[Scored]:
        """The object beside its twin, or beside another one; nothing where there is no room."""
        picture = with_second_object(scene, self.one.mesh if rng.random() < 0.5 else strangers[int(rng.integers(len(strangers)))], rng)
        if picture is not None:
            yield self.finish(self.see(picture), "two_objects", self.one.mesh)

    def found(self, seen: Candidate | Miss, meshes: dict[str, Mesh]) -> Iterator[Scored]:
        """What the generator finds by itself, where that is another object. meshes: by origin, without the object's own."""
        if isinstance(seen, Miss):
            return
        cut = cut_out([seen], self.tools)[0]
        made = cut if isinstance(cut, Miss) else self.tools.models.mesh.generate([cut])[0]
        if not isinstance(made, Miss) and made.origin != self.one.object_id:
            yield self.finish(seen, GENERATOR, meshes[made.origin])

    def finish(self, seen: Candidate | Miss, fault: str, mesh: Mesh, pose: np.ndarray | None = None) -> Scored:
        """Pose and render of a mesh, and the scores. pose: in place of what the estimator finds."""
        if isinstance(seen, Miss):
            return Scored(self.one.object_id, fault, False, seen.rule, {})
        candidate = replace(seen, mesh=mesh)
        for step in (estimate_depth, estimate_pose, draw_posed, look_beside):
            found = step([candidate], self.tools)[0]
            if isinstance(found, Miss):
                return Scored(self.one.object_id, fault, False, found.rule, _scores(candidate, self.tools.models.filters))
            candidate = found
            if step is estimate_pose and pose is not None and candidate.pose is not None:
                candidate = replace(candidate, pose=self._wrong(candidate.pose, pose))
        assert candidate.pose is not None
        right = not fault and self.truth.is_right(candidate.pose.camera_from_object)
        return Scored(self.one.object_id, fault, right, "", _scores(candidate, self.tools.models.filters))

    def _wrong(self, found: Pose, planted: np.ndarray) -> Pose:
        """A planted pose in place of what was found. An estimator that errs did not weigh the right pose, or not highly: none that is right stays."""
        weighed = tuple(one for one in found.weighed if not self.truth.is_right(one))
        return replace(found, camera_from_object=planted, weighed=(planted, *weighed))


def _scores(candidate: Candidate, context: FilterContext) -> dict[str, float]:
    """By rule, of the rules that apply and measure something."""
    found = {one.rule: one.score(candidate, context) for one in FILTERS if not one.missing}
    return {rule: score for rule, score in found.items() if score is not None}
