"""A finished `assets` stage of hand-made meshes, for the stages that come after it."""

from pathlib import Path
from typing import Literal

from data_specs.asset import AssetRecord, CatalogueLine, Mesh
from data_specs.ids import canonical_json
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from models.geometry.glb_writer import write_glb
from tasks.artefacts import Workspace
from tasks.ledger import Ledger

Split = Literal["train", "validation", "test"]


def write_assets(root: Path, meshes: dict[str, tuple[Mesh, Mesh | None]], split: Split = "train") -> Workspace:
    """One shard of a split that holds each mesh and, where there is one, its photographic twin."""
    workspace = Workspace.open("tiny", root)
    ledger = Ledger(workspace.folder("assets"), "assets")
    plan = ShardPlan(word="assets", split=split, index=0, inputs=sorted(meshes), params={}, version=1)
    ledger.write(plan, [_sample(key, split, *pair) for key, pair in sorted(meshes.items())], [])
    ledger.publish([plan], size="tiny", version=1, params={}, inputs={}, entered=len(meshes))
    return workspace


def _sample(key: str, split: Split, mesh: Mesh, photographic: Mesh | None) -> Sample:
    line = CatalogueLine(asset_id=key, source="procedural", location=f"{key}/0", caption=f"a {key}", category=key, licence="CC0-1.0")
    record = AssetRecord(
        line=line,
        split=split,
        faces=len(mesh.faces),
        vertices=len(mesh.vertices),
        materials=1,
        textures=0,
        source_from_object_scale=1.0,
        source_from_object_offset=(0.0, 0.0, 0.0),
        mesh_sha256="",
    )
    members = {"asset.json": canonical_json(record.model_dump(mode="json")).encode(), "mesh.glb": write_glb(mesh)}
    return Sample(key, members if photographic is None else {**members, "photographic.glb": write_glb(photographic)})
