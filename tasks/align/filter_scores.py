"""The score of every filter: functions of what is known of a picture. None = the rule does not apply to it."""

import numpy as np

from data_specs.subject import Assessment
from models.metrics import posed_agreement as agreement
from models.metrics.perceptual import PerceptualDistance
from models.perception.base import Pose, PoseProblem
from models.perception.detector import is_cut_out
from models.perception.rival_check import mirror_lead, rival_lead
from models.perception.second_look import Other, elsewhere
from tasks.align.candidate import Candidate

WORTH_ASKING = 0.7
"""Overlap of the outlines below which nobody asks for mirror image and rivals: other rules drop such a picture."""

APART = 1.0
"""Half the object's longest side (units of the object frame): what lies so far behind or before it belongs to the scene."""

NEAR_SHARE = 0.05
"""Of the object's pixels: where fewer are as deep as the object, nothing stands beside it."""


def named(candidate: Candidate, _: object) -> float:
    """1 where somebody said what the picture shows, else 0."""
    return float(bool(candidate.line.item))


def assessed(candidate: Candidate, _: object) -> float | None:
    """How many of the three scores of Subjects200K are known; pictures of other sources have none and are not asked for them."""
    if candidate.line.source != "subjects200k":
        return None
    return float(len((candidate.line.assessment or Assessment()).model_dump(exclude_none=True)))


def assessment(candidate: Candidate, _: object) -> float | None:
    """The least of the three scores where all are known."""
    found = candidate.line.assessment
    return None if found is None or found.lowest is None else float(found.lowest)


def found(candidate: Candidate, _: object) -> float:
    """1 where the detector reports a box, else 0."""
    return float(bool(candidate.boxes))


def box_score(candidate: Candidate, _: object) -> float | None:
    """The best box's score."""
    return candidate.boxes[0].score if candidate.boxes else None


def box_count(candidate: Candidate, _: object) -> float | None:
    """The score of the best box that shows something else, as a share of the best box's; 0 without one."""
    if not candidate.boxes:
        return None
    return max((other.score for other in elsewhere(candidate.boxes)), default=0.0) / max(candidate.boxes[0].score, 1e-9)


def box_border(candidate: Candidate, _: object) -> float | None:
    """The smallest gap between the best box and the picture's border, over the shorter side; a cut-out may fill its picture."""
    if not candidate.boxes or is_cut_out(candidate.picture):
        return None
    box, (height, width) = candidate.boxes[0], candidate.picture.size
    return max(0.0, min(box.left, box.top, width - box.right, height - box.bottom)) / min(height, width)


def mask_share(candidate: Candidate, _: object) -> float | None:
    """The share of the picture that the mask covers."""
    return None if candidate.mask is None else float(candidate.mask.inside.mean())


def mask_score(candidate: Candidate, _: object) -> float | None:
    """The segmenter's own score."""
    return None if candidate.mask is None else candidate.mask.score


def mesh_faces(candidate: Candidate, _: object) -> float | None:
    """How many faces the mesh has."""
    return None if candidate.mesh is None else float(len(candidate.mesh.faces))


def mesh_thickness(candidate: Candidate, _: object) -> float | None:
    """The shortest side of the mesh's box over its longest: a generator that fails returns a sheet."""
    if candidate.mesh is None:
        return None
    sides = np.ptp(candidate.mesh.vertices, axis=0)
    return float(sides.min() / sides.max())


def pose_confidence(candidate: Candidate, _: object) -> float | None:
    """The estimator's confidence, where it has one."""
    return None if candidate.pose is None else candidate.pose.confidence


def silhouette_iou(candidate: Candidate, _: object) -> float | None:
    """Overlap of mask and posed mesh."""
    if candidate.mask is None or candidate.posed is None:
        return None
    return agreement.outline_overlap(candidate.mask.inside, candidate.posed.mask)


def scale_agreement(candidate: Candidate, _: object) -> float | None:
    """|ln| of what the calibrated depth has to be multiplied by to be that of the posed mesh."""
    if candidate.mask is None or candidate.posed is None or candidate.depth is None:
        return None
    ratio = agreement.depth_ratio(candidate.depth, candidate.mask.inside, candidate.posed)
    return None if ratio is None else abs(float(np.log(max(ratio, 1e-9))))


def depth_agreement(candidate: Candidate, _: object) -> float | None:
    """The share of the mask where the posed mesh is as deep as the picture says, whatever the scale."""
    if candidate.mask is None or candidate.posed is None or candidate.depth is None:
        return None
    return agreement.depth_agreement(candidate.depth, candidate.mask.inside, candidate.posed)


def colour_difference(candidate: Candidate, _: object) -> float | None:
    """Distance of hue and saturation inside the mask."""
    crop = _crop(candidate)
    return None if crop is None else agreement.colour_difference(crop)


def appearance(candidate: Candidate, distance: PerceptualDistance, name: str, fit_light: bool) -> float | None:
    """Perceptual distance of posed render and cut-out, where it is the one of that name. fit_light: of the render as the picture's light shows it."""
    crop = _crop(candidate)
    if crop is None or distance.name != name:
        return None
    seen, drawn = agreement.cut_outs(crop, fit_light)
    return float(distance(seen[None], drawn[None])[0])


def mirror(candidate: Candidate, _: object) -> float | None:
    """How much nearer to the picture the mesh's mirror image comes."""
    problem = _worth_asking(candidate)
    return None if problem is None else mirror_lead(*problem)


def rival(candidate: Candidate, _: object) -> float | None:
    """How much nearer to the picture the mesh comes from another side."""
    problem = _worth_asking(candidate)
    return None if problem is None else rival_lead(*problem)


def second_object(candidate: Candidate, _: object) -> float | None:
    """The score of the best box that shows something beside the object, painted out or not, as a share of the object's own; 0 without one.

    What depth says to lie well behind or before the object does not count.
    """
    if candidate.others is None or not candidate.boxes:
        return None
    beside = [other.box.score for other in candidate.others if not _is_apart(other, candidate)]
    return max(beside, default=0.0) / max(candidate.boxes[0].score, 1e-9)


def _is_apart(other: Other, candidate: Candidate) -> bool:
    """Whether depth is known and nothing of it is as deep as the object; its box may hold some of the background too."""
    if candidate.depth is None or candidate.mask is None:
        return False
    object_depth = candidate.depth[candidate.mask.inside & (candidate.depth > 0)]
    theirs = candidate.depth[other.inside & (candidate.depth > 0)]
    if not len(object_depth) or not len(theirs):
        return False
    near = np.abs(theirs - np.median(object_depth)) < APART
    return int(np.count_nonzero(near)) < NEAR_SHARE * int(np.count_nonzero(candidate.mask.inside))


def _worth_asking(candidate: Candidate) -> tuple[PoseProblem, Pose] | None:
    """The problem and its pose where the mesh lies over the mask at all: to look for others takes long."""
    overlap = silhouette_iou(candidate, None)
    if overlap is None or overlap < WORTH_ASKING or candidate.mask is None or candidate.mesh is None:
        return None
    assert candidate.pose is not None and candidate.intrinsics is not None, "what is drawn at its pose has one"
    problem = PoseProblem(candidate.picture, candidate.mask.inside, candidate.depth, candidate.intrinsics, candidate.mesh)
    return problem, candidate.pose


def _crop(candidate: Candidate) -> agreement.Crop | None:
    if candidate.mask is None or candidate.posed is None or not candidate.mask.inside.any():
        return None
    return agreement.crop_both(candidate.picture.rgb, candidate.mask.inside, candidate.posed)
