"""What a worker does: some lines to their pictures, through the pipeline, to samples, previews, truths and decisions."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_specs.decision import Decision
from data_specs.sample import Sample
from data_specs.shard import Split
from data_specs.subject import SubjectLine
from models.diffusion.pictures import on_white
from models.perception.base import Picture, Unavailable
from tasks.align.alignment import Course, Entry, align, judge_line
from tasks.align.composed import Truth, compose
from tasks.align.kept_meshes import KeptMeshes
from tasks.align.models import Setup, open_models
from tasks.align.picture_error import PictureError
from tasks.align.preview import preview_jpeg
from tasks.align.samples import make_sample
from tasks.align.steps import Tools
from tasks.align.subjects import STAGE, pictures_root, read_picture
from tasks.align.verdicts import HumanVerdict
from tasks.align.verification import check_sample
from tasks.attempt import describe
from tasks.broken_rule import BrokenRuleError


@dataclass(frozen=True)
class AlignJob:
    """Some lines of one shard; plain data that travels to any worker which sees the same disk.

    kept: what the mesh generator has answered so far. verdicts: by subject id.
    """

    lines: tuple[SubjectLine, ...]
    setup: Setup
    split: Split
    seed: int
    kept: KeptMeshes
    verdicts: dict[str, HumanVerdict]

    def of(self, line: SubjectLine) -> "AlignJob":
        """The job of one of the lines alone."""
        return replace(self, lines=(line,))


@dataclass(frozen=True)
class Aligned:
    """What became of one line. preview: JPEG; None where nobody has read the picture. truth: of a composed one."""

    subject_id: str
    sample: Sample | None
    decisions: list[Decision]
    preview: bytes | None = None
    truth: Sample | None = None


@dataclass(frozen=True)
class Halt:
    """Nothing is wrong with the pictures: the stage must stop, for the reason in the message."""

    message: str


def align_lines(job: AlignJob) -> list[Aligned] | Halt:
    """All lines of a job, in order."""
    try:
        models = open_models(job.setup)
    except Exception as error:  # whatever keeps a model from opening is no picture's fault
        return Halt(str(error) if isinstance(error, ValueError) else f"a model cannot be opened: {describe(error)}")
    tools = Tools(models, job.setup.params, job.kept)
    done: dict[str, Aligned] = {}
    entries, truths = [], dict[str, Truth]()
    for line in job.lines:
        said = judge_line(line, job.verdicts.get(line.subject_id), tools)
        if any(one.verdict == "dropped" for one in said):
            done[line.subject_id] = Aligned(line.subject_id, None, said)
            continue
        try:
            entry, truth = _entry(line, tuple(said), job)
        except PictureError as error:
            decision = Decision(item_id=line.subject_id, stage=STAGE, verdict="dropped", rule=error.rule, message=str(error))
            done[line.subject_id] = Aligned(line.subject_id, None, [*said, decision])
            continue
        entries.append(entry)
        if truth is not None:
            truths[line.subject_id] = truth
    try:
        courses = align(entries, tools)
    except Unavailable as error:
        return Halt(str(error))
    done |= {course.entry.line.subject_id: _aligned(course, truths.get(course.entry.line.subject_id), job) for course in courses}
    return [done[line.subject_id] for line in job.lines]


def _entry(line: SubjectLine, said: tuple[Decision, ...], job: AlignJob) -> tuple[Entry, Truth | None]:
    human, params = job.verdicts.get(line.subject_id), job.setup.params
    if line.source == "composed":
        assert job.setup.catalogue is not None, "plan opens the assets for who needs them"
        scene = compose(line, job.setup.catalogue, params.composed, job.seed)
        return Entry(line, scene.picture, said, scene.planted, human), scene.truth
    root = pictures_root(line.source, params)
    assert root is not None, "its lines were read from there"
    return Entry(line, limited(read_picture(line, root), params.size_pixels), said, human=human), None


def limited(picture: Picture, size_pixels: int) -> Picture:
    """A picture whose longest side is at most `size_pixels`, its transparent parts white, with alpha, depth and lens to match."""
    if picture.alpha is not None:
        picture = replace(picture, rgb=on_white(np.dstack([picture.rgb, picture.alpha])))
    height, width = picture.size
    scale = size_pixels / max(height, width)
    if scale >= 1.0:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Picture(
        cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA),
        None if picture.alpha is None else cv2.resize(picture.alpha, size, interpolation=cv2.INTER_AREA),
        None if picture.depth is None else cv2.resize(picture.depth, size, interpolation=cv2.INTER_NEAREST),
        None if picture.focal_pixels is None else picture.focal_pixels * scale,
    )


def _aligned(course: Course, truth: Truth | None, job: AlignJob) -> Aligned:
    """The sample of a picture that was kept, checked as it is stored; a preview of every one that was read."""
    subject_id, decisions, sample = course.entry.line.subject_id, course.decisions, None
    if course.kept:
        made = make_sample(course.candidate, course.scores, job.split, job.setup.params)
        try:
            check_sample(made)
            sample = made
        except BrokenRuleError as error:
            decisions = [*decisions, Decision(item_id=subject_id, stage=STAGE, verdict="dropped", rule=error.rule, message=str(error))]
    return Aligned(subject_id, sample, decisions, preview_jpeg(course.candidate), None if truth is None else truth.sample(subject_id))
