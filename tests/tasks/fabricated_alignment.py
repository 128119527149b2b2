"""Aligned subjects without the stage `align` being run: painted spheres as pictures, with their pose, point map and turntable."""

import numpy as np

from data_specs.aligned_subject import AlignedSubjectRecord
from data_specs.camera import CameraRecord
from data_specs.conventions import encode_position
from data_specs.decision import Decision
from data_specs.manifest import Manifest
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from data_specs.view import ViewRecord
from models.geometry.back_projection import SurfaceView
from models.image_codec import encode_png
from tasks.artefacts import Workspace
from tasks.ledger import Ledger
from tests.tasks.fabricated import HOSTILE, views_of

ALIGNED = ("ball_a", "ball_b")


def make_aligned(workspace: Workspace, view_names: str = "turn") -> Manifest:
    """The stage's own shards, with one picture that was dropped, and a QA page. view_names: what the names of views begin with."""
    folder = workspace.folder("align")
    ledger, plan = Ledger(folder, "align"), ShardPlan(word="align", split="train", index=0, inputs=[*ALIGNED, "ball_x"], params={}, version=1)
    dropped = Decision(item_id="ball_x", stage="align", verdict="dropped", rule="silhouette_iou", message=HOSTILE, score=0.3, threshold=0.8)
    ledger.write(plan, [Sample(key, subject(key, view_names)) for key in ALIGNED], [dropped])
    manifest = ledger.publish([plan], size="tiny", version=1, params={}, inputs={}, entered=len(ALIGNED) + 1)
    (folder / "qa.html").write_text("<!doctype html>")
    return manifest


def subject(key: str, view_names: str = "turn") -> dict[str, bytes]:
    """The members of one aligned subject."""
    target, *views = views_of(key)
    members = {"picture.png": encode_png(_rgb(target)), "mask.png": encode_png(target.mask.astype(np.uint8) * 255), "mesh.glb": b"glTF"}
    members |= {"posed.png": encode_png(_rgba(target)), "position.png": encode_png(encode_position(target.position, target.mask))}
    records = []
    for number, view in enumerate(views):
        fields = {"rgb": f"{view_names}{number:02d}.rgb.png", "position": f"{view_names}{number:02d}.position.png"}
        members |= {fields["rgb"]: encode_png(_rgba(view)), fields["position"]: encode_png(encode_position(view.position, view.mask))}
        records.append(ViewRecord(name=f"{view_names}{number:02d}", camera=CameraRecord.from_camera(view.camera), members=fields))
    return {**members, "subject.json": _record(key, target, records).model_dump_json().encode()}


def _record(key: str, target: SurfaceView, views: list[ViewRecord]) -> AlignedSubjectRecord:
    return AlignedSubjectRecord(
        subject_id=key,
        object_id=key,
        item=f"{HOSTILE} {key}",
        caption=HOSTILE,
        category="ball",
        split="train",
        licence="CC-BY-4.0",
        author="Eve <eve@example.org>",
        attribution="Eve <eve@example.org>",
        source="folder",
        mesh_origin="nearest",
        camera=CameraRecord.from_camera(target.camera),
        scores={"box_score": 0.9, "silhouette_iou": 0.97},
        symmetric=True,
        depth_scale=None,
        point_map_colours="per_axis",
        extent=[[-0.5, -1.0, -1.0], [0.5, 1.0, 1.0]],
        plan="turntable8",
        views=views,
    )


def _rgb(view: SurfaceView) -> np.ndarray:
    return np.where(view.mask[..., None], np.rint(view.rgb * 255), 90).astype(np.uint8)


def _rgba(view: SurfaceView) -> np.ndarray:
    return np.dstack([_rgb(view), view.mask.astype(np.uint8) * 255])
