"""A workspace with small data sets, and training runs of the small recipe."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tasks.train.job
from tasks.artefacts import Workspace
from tasks.train.job import TrainJob, make_job
from tests.fakes import TinyRecipe, train_params, write_pictures


@pytest.fixture(autouse=True)
def tiny_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry knows the small recipe only; one thread, so that results repeat exactly."""
    monkeypatch.setattr(tasks.train.job, "make_recipe", lambda name, config: TinyRecipe(**config))
    torch.set_num_threads(1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two data sets of 21 usable samples in 5 shards each."""
    workspace = Workspace(tmp_path, "tiny")
    write_pictures(workspace)
    return workspace


@pytest.fixture
def job_of(workspace: Workspace) -> Callable[..., TrainJob]:
    """Settings of a run -> its job; `at` names another folder for its checkpoints."""

    def build(at: str = "run", **settings: Any) -> TrainJob:
        return replace(make_job(workspace, train_params(**settings), "first"), folder=workspace.runs / at)

    return build
