"""What must hold of every aligned sample as it is stored, before anybody trains on it."""

from typing import Any

import numpy as np

from data_specs.aligned_subject import AlignedSubjectRecord
from data_specs.camera import Camera
from data_specs.conventions import OBJECT_HALF_SIDE, POSITION_SCALE, decode_position
from data_specs.sample import Sample
from models.geometry.camera_math import reprojection_error
from models.geometry.glb_reader import read_glb
from models.image_codec import decode_member
from models.metrics.posed_agreement import outline_overlap
from tasks.align.samples import RECORD
from tasks.broken_rule import BrokenRuleError, picture_member

REPROJECTION_PIXELS = 1.0
OVERLAP_TOLERANCE = 0.01
"""By how much the overlap of what is stored may differ from the score that the record says."""

EXTENT_TOLERANCE = 2.0 * POSITION_SCALE


def check_sample(sample: Sample) -> dict[str, float]:
    """Read a sample back and check it; what was measured. Raises BrokenRuleError.

    Every stored position lands within a pixel of its own under the record's camera, at the pose and in each view; pictures show the mesh where
    there are positions; mask and point map overlap as much as the record says; the mesh has the record's extent.
    """
    members = {field: decode_member(field, data) for field, data in sample.members.items() if not field.endswith(".glb")}
    record = AlignedSubjectRecord.model_validate(members[RECORD])
    if record.subject_id != sample.key:
        raise BrokenRuleError("wrong_subject", f"{RECORD} is of subject {record.subject_id!r}")
    errors = [_check_view("posed", record.camera.to_camera(), ("posed.png", "position.png"), members)]
    for view in record.views:
        errors.append(_check_view(view.name, view.camera.to_camera(), (view.members["rgb"], view.members["position"]), members))
    overlap = _check_mask(record, members)
    _check_extent(record, sample.members["mesh.glb"])
    return {"reprojection_pixels": max(errors), "silhouette_iou": overlap}


def _check_view(name: str, camera: Camera, fields: tuple[str, str], members: dict[str, Any]) -> float:
    """One picture and its positions; the largest error of re-projection in pixels."""
    rgb, coded = picture_member(members, fields[0], 4, "uint8"), picture_member(members, fields[1], 3, "uint16")
    size = camera.intrinsics.height, camera.intrinsics.width
    if rgb.shape[:2] != size or coded.shape[:2] != size:
        raise BrokenRuleError("wrong_size", f"{name}: pictures of {rgb.shape[:2]} and {coded.shape[:2]}, its camera {size}")
    shown = np.asarray(coded.any(axis=-1))
    if not shown.any():
        raise BrokenRuleError("nothing_visible", f"{name} shows nothing")
    if (rgb[..., 3][shown] == 0).any():
        raise BrokenRuleError("mask", f"{name}: the picture is empty where there are positions")
    error = reprojection_error(decode_position(coded, shown), shown, camera)
    if error > REPROJECTION_PIXELS:
        raise BrokenRuleError("reprojection", f"{name}: a stored position lands {error:.2f} pixels from its pixel", error, REPROJECTION_PIXELS)
    return error


def _check_mask(record: AlignedSubjectRecord, members: dict[str, Any]) -> float:
    """The overlap of mask and point map: intersection over union."""
    picture, mask = picture_member(members, "picture.png", 3, "uint8"), picture_member(members, "mask.png", 1, "uint8")
    shown = members["position.png"].any(axis=-1)
    if picture.shape[:2] != shown.shape or mask.shape != shown.shape:
        raise BrokenRuleError("wrong_size", f"picture {picture.shape[:2]}, mask {mask.shape} and point map {shown.shape} are of different sizes")
    overlap, said = outline_overlap(mask > 127, shown), record.scores.get("silhouette_iou")
    if said is not None and abs(overlap - said) > OVERLAP_TOLERANCE:
        raise BrokenRuleError("silhouette", f"mask and point map overlap by {overlap:.3f}, the record says {said:.3f}", overlap, said)
    return overlap


def _check_extent(record: AlignedSubjectRecord, glb: bytes) -> None:
    vertices = read_glb(glb).vertices
    extent = np.stack([vertices.min(axis=0), vertices.max(axis=0)])
    if np.abs(extent - np.array(record.extent)).max() > EXTENT_TOLERANCE or np.abs(extent).max() > OBJECT_HALF_SIDE + EXTENT_TOLERANCE:
        raise BrokenRuleError("extent", f"the mesh reaches from {extent[0].tolist()} to {extent[1].tolist()}, the record says {record.extent}")
