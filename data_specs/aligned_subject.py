"""What an aligned subject is in a shard: a picture, the mesh of its object at its pose, and the views that RefAny3D is conditioned on (SPEC F1, F11).

A sample of the stage `align` has the members

    subject.json                                   `AlignedSubjectRecord`
    picture.png mask.png                           RGB as it was aligned; the segmenter's mask, 8-bit gray, 0 or 255
    posed.png position.png                         the mesh at its pose, as large as the picture: RGBA under uniform light; object coordinates
    turn00.rgb.png turn00.position.png, turn01...  the views of the plan: RGBA under uniform light; object coordinates
    mesh.glb                                       canonical frame, faces reduced, textured

All are lossless. Positions are 16 bit as `conventions.py` codes them; a pixel shows a surface exactly where one of its three values is not 0.
Point-map colours are a reading of positions (`models/geometry/point_maps.py`) and are not stored.

Beside its own shards the stage owns two more shard sets, each a folder with `shards/`, `rows/` and `manifest.json` of its own that
`tasks.sample_lookup.SampleLookup` reads:

    <align>/previews    a sample for every picture, kept or dropped: `line.json`, where it comes from and what it is said to show (`SubjectLine`);
                        `decisions.json`, every rule's `Decision` in order; and, of what was read, `preview.jpg`, 192 pixels high. The rows of
                        `align` itself have no more than ids, what dropped a picture and what a person said
    <align>/truth       of composed pictures alone: `truth.json` (`SubjectTruth`) and `mask.png`, which no step of the stage reads

Shard i of a split in each belongs to shard i of that split of `align`, and is complete before that one's row appears.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from data_specs.camera import CameraRecord
from data_specs.view import ViewPlan, ViewRecord

PREVIEWS, TRUTH = "previews", "truth"
"""Folders of the further shard sets, below the stage's own."""

LINE, DECISIONS, PREVIEW = "line.json", "decisions.json", "preview.jpg"
"""Members of a preview; the last one only where the picture was read."""

SubjectSource = Literal["subjects200k", "folder", "composed"]
PointMapColours = Literal["isotropic", "per_axis"]


class AlignedSubjectRecord(BaseModel):
    """The `subject.json` member: whose picture it is, how the object stands in it, and how sure that is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject_id: str
    object_id: str
    """Pictures of the same object share it, and with it their split."""
    item: str
    caption: str
    category: str
    split: Literal["train", "validation", "test"]
    licence: str
    author: str
    attribution: str
    source: SubjectSource
    mesh_origin: str
    """Who made the mesh, or the id of the asset that was found."""
    mesh_key: str = ""
    """Hash of the picture, cut-out, generator and preparation that the mesh comes from; "" where an asset was found, or a fault planted."""
    camera: CameraRecord
    """Of the picture; its world frame is the object frame."""
    scores: dict[str, float]
    """Rule -> what it measured (`Decision.rule`)."""
    symmetric: bool | None
    """Other poses look the same; None where nobody checked."""
    depth_scale: float | None
    """Units of the object frame per unit of the estimated depth, so that it meets the mesh at its pose; None where there was no depth on it."""
    point_map_colours: PointMapColours
    """How positions are to be read as colours."""
    extent: list[list[float]]
    """Least and largest corner of the mesh, object frame: what `per_axis` needs."""
    plan: ViewPlan
    views: list[ViewRecord]


class SubjectTruth(BaseModel):
    """The `truth.json` of a composed picture: how its object really stands. Its `mask.png` says which pixels really show it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject_id: str
    asset_id: str
    camera_from_object: list[list[float]]
    """4 x 4, rigid, OpenCV axes."""
    depth_scale: float
    """Units of the object frame per unit of the picture's depth channel."""
    hidden: float
    """Share of the object's pixels that something before it hides."""
    fault: str
    """Which fault was planted (`tasks/align/planted_faults.py`); "" = none."""
