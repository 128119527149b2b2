"""The stage `features`: verified samples to latents and text tokens of the base model `features.base`; an empty data set where none is named."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.manifest import Manifest
from data_specs.params import Params
from data_specs.shard import ShardPlan, ShardRow
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.features.encoding import WORD, Base, FeatureJob, encode_asset, open_base
from tasks.ledger import Ledger, read_manifest
from tasks.progress import Progress
from tasks.shard_builder import build_shard
from tasks.stored_samples import stored_samples
from tasks.training_order import training_command
from tasks.weights import RECORD, find_model

VERSION = 1
VERIFIED = "shards"


def plan(workspace: Workspace, params: Params) -> list[ShardPlan]:
    """One shard for each shard of verified samples. Raises ValueError when these or the base model are not there."""
    if not params.features.base:
        return []
    rows = read_manifest(workspace.folder(VERIFIED)).shards
    settings = _settings(params, open_base(workspace, base_folder(workspace, params)))
    return [
        ShardPlan(word=WORD, split=row.split, index=row.index, inputs=[row.sha256, *row.inputs], params=settings, version=VERSION) for row in rows
    ]


@task(name="features-shard", cache_policy=NO_CACHE, retries=1)
def build(workspace: Workspace, params: Params, plan: ShardPlan, pool: Pool, progress: Progress | None = None) -> ShardRow:
    """Encode the samples of one shard. Raises ValueError with advice for a shard that is gone or whose bytes have changed."""
    verified, render, matched = (
        stored_samples(workspace, word, sha256) for word, sha256 in zip((VERIFIED, "render", "matched_real"), plan.inputs, strict=True)
    )
    base = Base(str(base_folder(workspace, params)), plan.params["encoder"], plan.params["text"])
    jobs = [(key, FeatureJob(key, render[key], matched[key], base, params.features.precision)) for key in verified]
    return build_shard(Ledger(workspace.folder(WORD), WORD), plan, encode_asset, jobs, pool, params.features.timeout_s, WORD, progress)


def publish(workspace: Workspace, params: Params, plans: list[ShardPlan]) -> Manifest:
    """Write the manifest of the finished shards; every verified sample counts as entered."""
    verified = read_manifest(workspace.folder(VERIFIED)) if plans else None
    inputs = {} if verified is None else {VERIFIED: verified.digest()}
    settings = plans[0].params if plans else {}
    ledger = Ledger(workspace.folder(WORD), WORD)
    return ledger.publish(plans, size=workspace.size, version=VERSION, params=settings, inputs=inputs, entered=verified.samples() if verified else 0)


def base_folder(workspace: Workspace, params: Params) -> Path:
    """Where the model `features.base` lies. Raises ValueError saying what to train first when it is a run that has no model yet."""
    name = params.features.base
    if name in params.train.runs and not (workspace.folder("train") / name / RECORD).is_file():
        advice = f"train it first (`{training_command(params, name)}`), or name a model that is there"
        raise ValueError(f"features.base names the training run {name!r}, which has no model yet: {advice}")
    return find_model(workspace, name, fetch=True).folder


def _settings(params: Params, base: Base) -> dict:
    """What reaches the bytes: not where the model lies, but which it is."""
    return {"encoder": base.encoder, "text": base.text, "precision": params.features.precision}
