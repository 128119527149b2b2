"""The stage `render`: shards of clean meshes to shards of views of the synthetic domain."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.manifest import Manifest
from data_specs.params import Params
from data_specs.shard import ShardPlan, ShardRow
from tasks.artefacts import Workspace
from tasks.asset_shards import plan_from_assets, publish_from_assets, stored_assets
from tasks.fan_out import Pool
from tasks.gpu_share import check_share
from tasks.ledger import Ledger
from tasks.progress import Progress
from tasks.render.asset_views import WORD, RenderJob, render_asset
from tasks.shard_builder import build_shard

VERSION = 2


def plan(workspace: Workspace, params: Params) -> list[ShardPlan]:
    """One shard for each asset shard. Raises ValueError when the assets are not built yet, or workers have none of the GPU that they need."""
    check_share(params.execution, WORD, ["render.back_end=nvdiffrast_gpu"] if params.render.back_end == "nvdiffrast_gpu" else [])
    return plan_from_assets(workspace, WORD, _settings(params), VERSION)


@task(name="render-shard", cache_policy=NO_CACHE, retries=1)
def build(workspace: Workspace, params: Params, plan: ShardPlan, pool: Pool, progress: Progress | None = None) -> ShardRow:
    """Render one shard; every asset ends in it or as a decision of its row."""
    items = [(asset.key, RenderJob(asset, params.render, params.seed)) for asset in stored_assets(workspace, plan)]
    ledger = Ledger(workspace.folder(WORD), WORD)
    return build_shard(ledger, plan, render_asset, items, pool, params.render.timeout_s, WORD, progress)


def publish(workspace: Workspace, params: Params, plans: list[ShardPlan]) -> Manifest:
    """Write the manifest of the finished shards."""
    return publish_from_assets(workspace, plans, WORD, _settings(params), VERSION)


def _settings(params: Params) -> dict:
    return {**params.render.model_dump(mode="json", exclude={"timeout_s"}), "seed": params.seed}
