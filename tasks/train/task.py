"""The stage `train`: one Prefect task per training run."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.params import Params
from tasks.artefacts import Workspace
from tasks.train.launch import train_run


@task(name="train-run", cache_policy=NO_CACHE, task_run_name="train {name}")
def train_one(workspace: Workspace, params: Params, name: str) -> Path:
    """Train one run unless its model is there already; returns the model's folder."""
    return train_run(workspace, params, name)
