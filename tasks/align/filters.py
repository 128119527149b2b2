"""What a picture must pass on its way to a sample: one list of filters, cheapest first, each with one score and one threshold (SPEC F11)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from data_specs.align_params import AlignParams, AppearanceParams
from data_specs.decision import Decision
from models.metrics.perceptual import PerceptualDistance, open_perceptual_distance
from tasks.align import filter_scores as scores
from tasks.align.candidate import Candidate
from tasks.align.subjects import STAGE

Step = Literal["line", "box", "mask", "mesh", "pose", "beside"]


@dataclass(frozen=True)
class FilterContext:
    """What filters need beside the candidate, loaded once per process."""

    distance: PerceptualDistance


@dataclass(frozen=True)
class Filter:
    """One rule.

    after: the step after which it applies. score: of a candidate, None where the rule does not apply. threshold: what a kept one has at least,
    or at most. meaning: of the score, for people. missing: a low score says that something is not there, which nobody can overrule; its decision
    then carries no score. setting: the parameter that sets the threshold, where it is not `align.filters.<rule>`. takes_long: not measured of what
    another rule after the same step has dropped.
    """

    rule: str
    after: Step
    score: Callable[[Candidate, FilterContext], float | None]
    keep: Literal["at_least", "at_most"]
    threshold: Callable[[AlignParams], float]
    meaning: str
    missing: bool = False
    setting: str = ""
    takes_long: bool = False

    def keeps(self, score: float, threshold: float) -> bool:
        """Whether a score passes."""
        return score >= threshold if self.keep == "at_least" else score <= threshold


def _named(rule: str) -> Callable[[AlignParams], float]:
    return lambda params: float(getattr(params.filters, rule))


def _quality(
    rule: str,
    after: Step,
    score: Callable[[Candidate, FilterContext], float | None],
    keep: Literal["at_least", "at_most"],
    meaning: str,
    takes_long: bool = False,
) -> Filter:
    """A filter whose threshold is `align.filters.<rule>`."""
    return Filter(rule, after, score, keep, _named(rule), meaning, takes_long=takes_long)


FILTERS: tuple[Filter, ...] = (
    Filter("no_name", "line", scores.named, "at_least", lambda _: 1.0, "nobody said what the picture shows", missing=True),
    Filter("not_assessed", "line", scores.assessed, "at_least", lambda params: 3.0 if params.min_quality else 0.0, "of three scores that are known",
           setting="align.min_quality"),
    Filter("assessment", "line", scores.assessment, "at_least", lambda params: float(params.min_quality), "least of the three scores of quality",
           setting="align.min_quality"),
    Filter("no_object", "box", scores.found, "at_least", lambda _: 1.0, "the detector finds nothing", missing=True),
    _quality("box_score", "box", scores.box_score, "at_least", "how sure the detector is"),
    _quality("box_count", "box", scores.box_count, "at_most", "score of a second object as a share of the first one's"),
    _quality("box_border", "box", scores.box_border, "at_least", "gap between the object and the picture's border"),
    _quality("mask_least", "mask", scores.mask_share, "at_least", "share of the picture that the object covers"),
    _quality("mask_most", "mask", scores.mask_share, "at_most", "share of the picture that the object covers"),
    _quality("mask_score", "mask", scores.mask_score, "at_least", "how sure the segmenter is"),
    _quality("mesh_faces", "mesh", scores.mesh_faces, "at_least", "faces of the mesh"),
    _quality("mesh_thickness", "mesh", scores.mesh_thickness, "at_least", "shortest side of the mesh over its longest"),
    _quality("pose_confidence", "pose", scores.pose_confidence, "at_least", "probability that the pose is right"),
    _quality("silhouette_iou", "pose", scores.silhouette_iou, "at_least", "overlap of the outlines of mask and posed mesh"),
    _quality("scale_agreement", "pose", scores.scale_agreement, "at_most", "|ln| of the depth's scale by the pose over that by the mask"),
    _quality("depth_agreement", "pose", scores.depth_agreement, "at_least", "share of the mask where the posed mesh is as deep"),
    _quality("colour_difference", "pose", scores.colour_difference, "at_most", "distance of hue and saturation"),
    _quality("micro_distance", "pose", lambda one, context: scores.appearance(one, context.distance, "micro_distance", True), "at_most",
             "distance of posed render and picture in the micro embedder"),
    _quality("lpips", "pose", lambda one, context: scores.appearance(one, context.distance, "lpips", False), "at_most",
             "LPIPS of posed render in even light and picture, both cut out, at 128 pixels"),
    _quality("second_object", "beside", scores.second_object, "at_most", "score of what else is found, as it is and with the object painted out"),
    _quality("mirror_lead", "beside", scores.mirror, "at_most", "lead of the mesh's mirror image over the mesh, by edges", takes_long=True),
    _quality("rival_lead", "beside", scores.rival, "at_most", "lead of the mesh from another side over its pose, by edges", takes_long=True),
)  # fmt: skip
"""In the order in which they apply."""


@cache
def open_filters(params: AppearanceParams) -> FilterContext:
    """Load what the filters need, once per process. Raises ValueError saying what is missing."""
    return FilterContext(open_perceptual_distance(params))


def apply_filters(after: Step, candidate: Candidate, params: AlignParams, context: FilterContext, all_scores: bool = False) -> list[Decision]:
    """One decision for every rule that applies after a step, kept ones too: a sample carries its scores.

    all_scores: also of rules that take long where another one drops the candidate: somebody keeps it all the same.
    """
    decisions: list[Decision] = []
    for one in FILTERS:
        if one.after != after or (one.takes_long and not all_scores and any(decision.verdict == "dropped" for decision in decisions)):
            continue
        score = one.score(candidate, context)
        if score is not None:
            decisions.append(_decision(candidate.line.subject_id, one, score, one.threshold(params)))
    return decisions


def _decision(subject_id: str, one: Filter, score: float, threshold: float) -> Decision:
    kept = one.keeps(score, threshold)
    asked = f"{one.meaning}: {score:.3g}, asked {one.keep.replace('_', ' ')} {threshold:.3g} ({one.setting or f'align.filters.{one.rule}'})"
    message = "" if kept else one.meaning if one.missing else asked
    decision = Decision(item_id=subject_id, stage=STAGE, verdict="kept" if kept else "dropped", rule=one.rule, message=message)
    return decision if one.missing else decision.model_copy(update={"score": score, "threshold": threshold})
