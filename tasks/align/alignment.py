"""Pictures through all steps and filters: what is known of each at the end, and every decision on the way."""

from dataclasses import dataclass, field, replace

from data_specs.decision import Decision
from data_specs.subject import SubjectLine
from models.perception.base import Miss, Picture
from tasks.align.candidate import NOT_READ, Candidate
from tasks.align.composed import Planted
from tasks.align.filters import Step as Moment
from tasks.align.filters import apply_filters
from tasks.align.steps import STEPS, Tools
from tasks.align.subjects import STAGE
from tasks.align.verdicts import HumanVerdict, human_decision, overrule

NOTHING_PLANTED = Planted()


@dataclass(frozen=True)
class Entry:
    """A picture that sets out. said: of its line; planted: what checks put in place of results; human: what a person said of it."""

    line: SubjectLine
    picture: Picture
    said: tuple[Decision, ...] = ()
    planted: Planted = NOTHING_PLANTED
    human: HumanVerdict | None = None


@dataclass
class Course:
    """A picture on its way. decisions: in the order of the steps; the first `dropped` one ends it."""

    entry: Entry
    candidate: Candidate
    decisions: list[Decision] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether nothing has dropped it so far."""
        return all(one.verdict == "kept" for one in self.decisions)

    @property
    def scores(self) -> dict[str, float]:
        """Rule -> score of every rule that measured something."""
        return {one.rule: one.score for one in self.decisions if one.score is not None}


def align(entries: list[Entry], tools: Tools) -> list[Course]:
    """All steps for all entries; what a filter or a step drops goes no further. Raises Unavailable when no picture is to blame."""
    courses = [Course(entry, Candidate(entry.line, entry.picture), list(entry.said)) for entry in entries]
    for step in STEPS:
        alive = [course for course in courses if course.kept]
        if not alive:
            break
        for course, found in zip(alive, step.work([course.candidate for course in alive], tools), strict=True):
            if isinstance(found, Miss):
                course.decisions.append(_missed(course.entry.line.subject_id, found))
            else:
                course.candidate = _with_planted(found, course.entry.planted)
        if step.filters is not None:
            for course in [one for one in alive if one.kept]:
                course.decisions += _judged(course.candidate, step.filters, course.entry.human, tools)
    for course in courses:
        if course.kept and course.entry.human is not None:
            course.decisions.append(human_decision(course.entry.line.subject_id, STAGE, course.entry.human))
    return courses


def judge_line(line: SubjectLine, human: HumanVerdict | None, tools: Tools) -> list[Decision]:
    """What the rules that need no pixels say, before anybody reads them."""
    return _judged(Candidate(line, NOT_READ), "line", human, tools)


def _judged(candidate: Candidate, moment: Moment, human: HumanVerdict | None, tools: Tools) -> list[Decision]:
    keeps = human is not None and human.verdict == "keep"
    return overrule(apply_filters(moment, candidate, tools.params, tools.models.filters, keeps), human)


def _missed(subject_id: str, miss: Miss) -> Decision:
    """What a model could not do ends the picture, whatever people say. A score would mean that it is a matter of quality."""
    message = miss.message if miss.score is None else f"{miss.message} ({miss.score:.3g}, asked {miss.threshold:.3g})"
    return Decision(item_id=subject_id, stage=STAGE, verdict="dropped", rule=miss.rule, message=message)


def _with_planted(candidate: Candidate, planted: Planted) -> Candidate:
    """A fault takes the place of what the step has just found (`composed.py`); nobody weighed a planted pose against the right one."""
    if planted.mesh is not None and candidate.mesh is not None:
        candidate = replace(candidate, mesh=planted.mesh, mesh_key="")
    if planted.camera_from_object is not None and candidate.pose is not None:
        candidate = replace(candidate, pose=replace(candidate.pose, camera_from_object=planted.camera_from_object, weighed=()))
    return candidate
