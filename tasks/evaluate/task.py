"""The stage `evaluate`: one Prefect task."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.params import Params
from tasks.artefacts import Workspace
from tasks.evaluate.evaluation import evaluate
from tasks.evaluate.sampler import ModelSampler


@task(name="evaluate-run", cache_policy=NO_CACHE, retries=1)
def evaluate_run(workspace: Workspace, params: Params) -> Path:
    """Evaluate `evaluate.run` and return the path of metrics.json; what an earlier attempt sampled is kept."""
    return evaluate(workspace, params, ModelSampler(workspace.folder("train") / params.evaluate.run / "model", params.evaluate))
