"""The stage `evaluate`: Prefect tasks for one run, for the cells and the table of a suite, and for tuning."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.params import Params
from data_specs.suite import Suite
from data_specs.weights import parse_reference
from tasks.artefacts import Workspace
from tasks.evaluate import base_check, tuning
from tasks.evaluate import suite as suites
from tasks.evaluate.evaluation import evaluate
from tasks.evaluate.sampler import ModelSampler, ModelSamplers
from tasks.weights import find_weights


@task(name="evaluate-run", cache_policy=NO_CACHE, retries=1)
def evaluate_run(workspace: Workspace, params: Params) -> Path:
    """Evaluate `evaluate.run` and return the path of metrics.json; what an earlier attempt sampled is kept."""
    return evaluate(workspace, params, ModelSampler(workspace.folder("train") / params.evaluate.run / "model", params.evaluate))


@task(name="evaluate-cell", cache_policy=NO_CACHE, task_run_name="evaluate {row} at seed {seed}")
def evaluate_cell(workspace: Workspace, params: Params, suite: Suite, row: str, seed: int) -> None:
    """Sample and measure one row of a suite at one seed; what an earlier attempt did is kept."""
    suites.evaluate_cell(workspace, params, suite, (row, seed), ModelSamplers(workspace, params.evaluate))


@task(name="evaluate-suite", cache_policy=NO_CACHE)
def publish_suite(workspace: Workspace, params: Params, suite: Suite) -> Path:
    """Write and print the table of every cell there is; returns the path of its metrics.json."""
    path = suites.publish_suite(workspace, params, suite, ModelSamplers(workspace, params.evaluate))
    print(suites.describe(suite, path), flush=True)
    return path


@task(name="evaluate-base", cache_policy=NO_CACHE)
def check_base_model(workspace: Workspace, params: Params, base: str) -> Path:
    """Check the base model that a reference names, write and print the numbers; returns the path of its record. ValueError for no reference."""
    reference = parse_reference(base)
    if reference is None:
        raise ValueError(f"--base {base}: write micro:NAME, hub:OWNER/REPO or path:FOLDER")
    path = base_check.check_base(workspace, params, find_weights(workspace, reference).folder)
    print(base_check.describe(path), flush=True)
    return path


@task(name="evaluate-tuning", cache_policy=NO_CACHE)
def tune_run(workspace: Workspace, params: Params) -> Path:
    """Find B_max and t_max of `evaluate.run` (SPEC R9), write and print the grid; returns the path of its metrics.json."""
    path = tuning.tune(workspace, params, ModelSamplers(workspace, params.evaluate))
    print(tuning.describe(path), flush=True)
    return path
