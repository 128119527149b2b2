"""The stage `assets`: a catalogue of procedural, local or remote assets to shards of clean, credited meshes."""

import json
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.asset import CatalogueLine
from data_specs.ids import canonical_json, split_of
from data_specs.manifest import Manifest
from data_specs.params import AssetsParams, Params
from data_specs.shard import ShardPlan, ShardRow, Split
from tasks.artefacts import Workspace, write_atomic
from tasks.assets.asset_builder import AssetJob, build_asset
from tasks.assets.attribution import attribution_page
from tasks.assets.catalogue import read_catalogue
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.progress import Progress
from tasks.shard_builder import build_shard

WORD = "assets"
VERSION = 2
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_START_AND_PICTURE_S = 120.0
"""What an item may take beside reading its file: starting the reading process, drawing the preview."""
_REACH_BYTES = {"licences", "validation", "test", "max_faces", "max_texture_pixels", "max_file_mb", "private_hosts"}


def plan(workspace: Workspace, params: Params) -> list[ShardPlan]:
    """The shards of the catalogue: lines in catalogue order, each split on its own. Raises ValueError for a source that cannot be read."""
    ours = params.assets
    groups: dict[Split, list[str]] = {split: [] for split in SPLITS}
    for line in read_catalogue(ours, params.seed, workspace.runs / WORD):
        groups[split_of(line.asset_id, ours.validation, ours.test)].append(canonical_json(line.model_dump(mode="json")))
    settings = ours.model_dump(mode="json", include=_REACH_BYTES)
    return [
        ShardPlan(word=WORD, split=split, index=number, inputs=lines[start : start + ours.shard_items], params=settings, version=VERSION)
        for split, lines in groups.items()
        for number, start in enumerate(range(0, len(lines), ours.shard_items))
    ]


@task(name="assets-shard", cache_policy=NO_CACHE, retries=1)
def build(workspace: Workspace, params: Params, plan: ShardPlan, pool: Pool, progress: Progress | None = None) -> ShardRow:
    """Build one shard; every line of the plan ends in it or as a decision of its row."""
    ours = params.assets
    folder = str(Path(ours.location).expanduser().resolve()) if ours.source == "folder" else ""
    downloads = str(workspace.runs.resolve() / WORD / "downloads")
    lines = [CatalogueLine.model_validate(json.loads(text)) for text in plan.inputs]
    items = [(line.asset_id, AssetJob(line, ours, folder, downloads)) for line in lines]
    ledger = Ledger(workspace.folder(WORD), WORD)
    return build_shard(ledger, plan, build_asset, items, pool, _item_timeout_s(ours), WORD, progress)


def publish(workspace: Workspace, params: Params, plans: list[ShardPlan]) -> Manifest:
    """Write the manifest, and ATTRIBUTION.md beside it."""
    folder = workspace.folder(WORD)
    settings = params.assets.model_dump(mode="json", include=_REACH_BYTES | {"source", "count", "shard_items"})
    entered = sum(len(one.inputs) for one in plans)
    manifest = Ledger(folder, WORD).publish(plans, size=params.size, version=VERSION, params=settings, inputs={}, entered=entered)
    write_atomic(folder / "ATTRIBUTION.md", attribution_page(manifest).encode())
    return manifest


def _item_timeout_s(params: AssetsParams) -> float:
    return params.timeout_s + _START_AND_PICTURE_S + (params.download_timeout_s if params.source == "url" else 0.0)
