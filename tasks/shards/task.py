"""The stage `shards`: rendered and matched shards to the verified data set. An asset may be trained on if it has a sample here."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.manifest import Manifest
from data_specs.params import Params
from data_specs.shard import ShardPlan, ShardRow
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.ledger import Ledger, read_manifest
from tasks.progress import Progress
from tasks.shard_builder import build_shard
from tasks.shards.verification import WORD, Pair, verify
from tasks.stored_samples import stored_samples

VERSION = 1
SOURCES = ("render", "matched_real")


def plan(workspace: Workspace, params: Params) -> list[ShardPlan]:
    """One shard of verdicts for each pair of shards. Raises ValueError when a source is not built, or both are not of the same assets."""
    render, matched = ({(row.split, row.index): row for row in read_manifest(workspace.folder(word)).shards} for word in SOURCES)
    if render.keys() != matched.keys() or any(render[place].inputs != matched[place].inputs for place in render):
        raise ValueError("render and matched_real were made of different assets: run both again")
    return [
        ShardPlan(word=WORD, split=split, index=index, inputs=[row.sha256, matched[split, index].sha256], params=_settings(params), version=VERSION)
        for (split, index), row in render.items()
    ]


@task(name="verify-shard", cache_policy=NO_CACHE, retries=1)
def build(workspace: Workspace, params: Params, plan: ShardPlan, pool: Pool, progress: Progress | None = None) -> ShardRow:
    """Verify the samples of one pair of shards. Raises ValueError with advice for a shard whose bytes have changed."""
    render, matched = (stored_samples(workspace, word, plan.inputs[number]) for number, word in enumerate(SOURCES))
    pairs = [(key, Pair(key, render[key], matched[key], params.shards.reprojection_pixels)) for key in render if key in matched]
    return build_shard(Ledger(workspace.folder(WORD), WORD), plan, verify, pairs, pool, params.shards.timeout_s, WORD, progress)


def publish(workspace: Workspace, params: Params, plans: list[ShardPlan]) -> Manifest:
    """Write the manifest of the data set; every asset that has views and pictures counts as entered."""
    manifests = {word: read_manifest(workspace.folder(word)) for word in SOURCES}
    keys = [{key for row in manifest.shards for key in row.samples} for manifest in manifests.values()]
    inputs = {word: manifest.digest() for word, manifest in manifests.items()}
    ledger = Ledger(workspace.folder(WORD), WORD)
    return ledger.publish(plans, size=workspace.size, version=VERSION, params=_settings(params), inputs=inputs, entered=len(keys[0] & keys[1]))


def _settings(params: Params) -> dict:
    return params.shards.model_dump(mode="json", exclude={"timeout_s"})
