"""The stage `matched_real`: shards of assets to shards of pictures of the photographic domain, four for each caption."""

from collections.abc import Callable
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.manifest import Manifest
from data_specs.params import Params
from data_specs.shard import ShardPlan, ShardRow
from tasks.artefacts import Workspace
from tasks.asset_shards import StoredAsset, plan_from_assets, publish_from_assets, stored_assets
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.matched_real.base import find_base
from tasks.matched_real.pictures import PictureJob, picture_asset
from tasks.matched_real.samples import WORD
from tasks.progress import Progress
from tasks.shard_builder import Verdict, build_shard

VERSION = 2
OF_OTHER_SOURCE = {"photographic_render": {"base"}, "base_model": {"samples_per_edge_pixel", "ambient_rays"}}


def plan(workspace: Workspace, params: Params) -> list[ShardPlan]:
    """One shard for each asset shard. Raises ValueError when the assets are not built yet, or the base model is not there."""
    return plan_from_assets(workspace, WORD, _settings(workspace, params), VERSION)


@task(name="matched-real-shard", cache_policy=NO_CACHE, retries=1)
def build(workspace: Workspace, params: Params, plan: ShardPlan, pool: Pool, progress: Progress | None = None) -> ShardRow:
    """Picture one shard; every asset ends in it or as a decision of its row. Raises ValueError when the base model has changed since then."""
    if plan.params != _settings(workspace, params):
        raise ValueError(f"{plan.file_name}: the base model has changed since it was planned; run `atelier3d {WORD}` again")
    work, job_of = _work(workspace, params)
    items = [(asset.key, job_of(asset)) for asset in stored_assets(workspace, plan)]
    ledger = Ledger(workspace.folder(WORD), WORD)
    return build_shard(ledger, plan, work, items, pool, params.matched_real.timeout_s, WORD, progress)


def publish(workspace: Workspace, params: Params, plans: list[ShardPlan]) -> Manifest:
    """Write the manifest of the finished shards."""
    return publish_from_assets(workspace, plans, WORD, _settings(workspace, params), VERSION)


def _work(workspace: Workspace, params: Params) -> tuple[Callable[[Any], Verdict], Callable[[StoredAsset], Any]]:
    """What is done with a job, and the job of an asset."""
    ours = params.matched_real
    if ours.source == "photographic_render":
        return picture_asset, lambda asset: PictureJob(asset, ours, params.seed)
    from tasks.matched_real.base_pictures import BaseJob, picture_caption  # loads torch: only those who need a network pay

    base = find_base(workspace, params)
    return picture_caption, lambda asset: BaseJob(asset, ours, params.seed, base)


def _settings(workspace: Workspace, params: Params) -> dict:
    """What reaches the bytes: not where a base model lies, but which it is."""
    ours = params.matched_real
    settings = ours.model_dump(mode="json", exclude={"timeout_s", *OF_OTHER_SOURCE[ours.source]}) | {"seed": params.seed}
    if ours.source == "base_model":
        settings["base"]["model"] = find_base(workspace, params).digest
    return settings
