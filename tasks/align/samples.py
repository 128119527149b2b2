"""A picture that passed everything to the sample that holds it (`data_specs/aligned_subject.py`)."""

import numpy as np

from data_specs.align_params import AlignParams
from data_specs.aligned_subject import AlignedSubjectRecord
from data_specs.camera import Camera, CameraRecord
from data_specs.conventions import encode_position
from data_specs.ids import canonical_json
from data_specs.sample import Sample
from data_specs.shard import Split
from data_specs.view import ViewRecord
from models.geometry.camera_math import view_plan
from models.geometry.glb_writer import write_glb
from models.image_codec import encode_png
from models.metrics.posed_agreement import depth_ratio
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.align.candidate import Candidate

RECORD = "subject.json"


def make_sample(candidate: Candidate, scores: dict[str, float], split: Split, params: AlignParams) -> Sample:
    """The sample of a candidate that has a mask, a mesh, a pose and a render at the pose."""
    assert candidate.mask is not None and candidate.mesh is not None and candidate.posed is not None
    posed = candidate.posed
    views, members = _views(candidate, params)
    members |= {
        "picture.png": encode_png(candidate.picture.rgb),
        "mask.png": encode_png(candidate.mask.inside.astype(np.uint8) * np.uint8(255)),
        "posed.png": encode_png(posed.rgb),
        "position.png": encode_png(encode_position(posed.position, posed.mask)),
        "mesh.glb": write_glb(candidate.mesh),
    }
    record = _record(candidate, scores, split, params, views)
    return Sample(candidate.line.subject_id, {**members, RECORD: canonical_json(record.model_dump(mode="json")).encode()})


def _views(candidate: Candidate, params: AlignParams) -> tuple[list[ViewRecord], dict[str, bytes]]:
    """Colours and positions of the mesh from the cameras of the plan."""
    assert candidate.mesh is not None
    renderer = Open3DRenderer()
    scene, records, members = renderer.load(candidate.mesh), [], {}
    for name, camera in view_plan(params.plan, params.view_pixels, 0, candidate.mesh.vertices):
        maps = renderer.render(scene, camera, UniformLight(), params.samples_per_edge_pixel)
        members[f"{name}.rgb.png"] = encode_png(maps.rgb)
        members[f"{name}.position.png"] = encode_png(encode_position(maps.position, maps.mask))
        fields = {"rgb": f"{name}.rgb.png", "position": f"{name}.position.png"}
        records.append(ViewRecord(name=name, camera=CameraRecord.from_camera(camera), members=fields))  # type: ignore[arg-type]
    return records, members


def _record(candidate: Candidate, scores: dict[str, float], split: Split, params: AlignParams, views: list[ViewRecord]) -> AlignedSubjectRecord:
    line, mesh, pose, intrinsics = candidate.line, candidate.mesh, candidate.pose, candidate.intrinsics
    assert mesh is not None and pose is not None and intrinsics is not None
    return AlignedSubjectRecord(
        subject_id=line.subject_id,
        object_id=line.object_id,
        item=line.item,
        caption=line.caption,
        category=line.category,
        split=split,
        licence=line.licence,
        author=line.author,
        attribution=line.attribution,
        source=line.source,
        mesh_origin=candidate.mesh_origin,
        mesh_key=candidate.mesh_key,
        camera=CameraRecord.from_camera(Camera(intrinsics, pose.camera_from_object)),
        scores=scores,
        symmetric=pose.symmetric,
        depth_scale=posed_depth_scale(candidate),
        point_map_colours=params.point_map_colours,
        extent=[mesh.vertices.min(axis=0).tolist(), mesh.vertices.max(axis=0).tolist()],
        plan=params.plan,
        views=views,
    )


def posed_depth_scale(candidate: Candidate) -> float | None:
    """Units of the object frame per unit of the depth as it was estimated, so that its median lies on the mesh at its pose.

    Mask and mesh alone say it before there is a pose (`Candidate.depth_scale`), and may be off by what the rule `scale_agreement` lets through. None
    without depth on what the posed mesh covers.
    """
    if candidate.depth is None or candidate.depth_scale is None or candidate.mask is None or candidate.posed is None:
        return None
    ratio = depth_ratio(candidate.depth, candidate.mask.inside, candidate.posed)
    return None if ratio is None else candidate.depth_scale * ratio
