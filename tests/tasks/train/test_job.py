"""Parents of a run: earlier runs, and base models by reference."""

from pathlib import Path
from typing import Any

import pytest

import tasks.train.job
import tasks.weights
from data_specs.params import Params, load_params
from data_specs.weights import Reference
from models.registry import make_recipe
from tasks.artefacts import Workspace
from tasks.lineage import Lineage
from tasks.train.job import make_job
from tasks.train.launch import train_run
from tasks.train.plan import describe, plan_run
from tests.fakes import train_params


def started_from(base: str) -> Params:
    """A run `first` that needs a parent `base`."""
    return train_params(parents={"base": base}, config={"need": "base"})


def write_model(folder: Path, weights: bytes = b"w") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(weights)
    return folder


def test_a_folder_of_ones_own_counts_by_what_it_holds(workspace: Workspace, tmp_path: Path) -> None:
    here, there = write_model(tmp_path / "here"), write_model(tmp_path / "there")
    jobs = [make_job(workspace, started_from(f"path:{folder}"), "first") for folder in (here, there)]
    assert jobs[0].id == jobs[1].id and [job.parents["base"] for job in jobs] == [here, there]
    write_model(there, b"other weights")
    assert make_job(workspace, started_from(f"path:{there}"), "first").id != jobs[0].id
    assert str(here) not in str(jobs[0].identity)


def test_a_run_starts_from_it_and_its_lineage_says_so(workspace: Workspace, tmp_path: Path) -> None:
    train_run(workspace, started_from(f"path:{write_model(tmp_path / 'base')}"), "first")
    record = Lineage(workspace, with_commit=False)
    assert any(child.text.startswith("base: path:* with weights sha256") for child in record.trace("first").children)


@pytest.mark.parametrize(
    ("base", "message"), [("path:nowhere", "nowhere holds no model"), ("micro:nothing", "no model 'nothing' is shipped"), ("web:x", "no reference")]
)
def test_what_is_missing_is_said(workspace: Workspace, base: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_job(workspace, started_from(base), "first")
    assert message in describe(plan_run(workspace, started_from(base), "first"))


def test_training_fetches_and_planning_does_not(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def find(workspace: Workspace, reference: Reference, fetch: bool) -> Any:
        asked.append(fetch)
        raise ValueError(f"{reference} is not here")

    monkeypatch.setattr(tasks.weights, "find_weights", find)
    assert plan_run(workspace, started_from("hub:a/b"), "first").unknown == ("hub:a/b is not here",)
    assert not any(asked)
    with pytest.raises(ValueError, match="hub:a/b is not here"):
        train_run(workspace, started_from("hub:a/b"), "first")
    assert asked[-1]


def test_the_papers_chain_plans_without_anything_and_says_all_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.train.job, "make_recipe", make_recipe)
    params, workspace = load_params("paper"), Workspace(tmp_path, "paper")
    plans = {name: plan_run(workspace, params, name) for name in params.train.sequence}
    base, data = plans["realiz3d_warmup"].unknown
    assert "PixArt-alpha/PixArt-Sigma-XL-2-512-MS is not locked" in base and "atelier3d weights lock hub:PixArt-alpha" in base
    assert "22 GB, licence CreativeML Open RAIL++-M" in base and "atelier3d matched_real" in data
    for earlier, name in zip(params.train.sequence, params.train.sequence[1:]):
        assert f"train {earlier!r} first" in plans[name].unknown[0]
        assert "time        not known yet" in describe(plans[name])
