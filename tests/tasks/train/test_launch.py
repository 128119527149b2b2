"""A run from parameters to a published, registered model: once, checked, resumed after kill -9, and in spite of MLflow."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

import tasks.train.launch
from data_specs.params import Params
from tasks.artefacts import Workspace
from tasks.local_folder import FileDigests
from tasks.tracking import Tracker
from tasks.train.checkpoint import latest_checkpoint
from tasks.train.job import make_job
from tasks.train.launch import train_run
from tests.conftest import REPOSITORY
from tests.fakes import train_params, write_pictures


@pytest.fixture(autouse=True)
def no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.train.launch, "provenance", lambda workspace: {"git.revision": "abc"})


def published(workspace: Workspace, name: str = "first") -> dict[str, bytes]:
    folder = workspace.folder("train") / name
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_run_is_published_with_all_that_vouches_for_it(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    params = train_params()
    model = train_run(workspace, params, "first")
    record = json.loads((model.parent / "run.json").read_text())
    job = make_job(workspace, params, "first")
    assert model == workspace.folder("train") / "first" / "model"
    assert set(published(workspace)) == {"model/weights.safetensors", "model/config.json", "history.csv", "pictures/step-00000007.png", "run.json"}
    assert record["id"] == job.id and record["settings"]["steps"] == 7 and set(record["data"]) == {"render", "matched_real", "shards"}
    rows = list(csv.DictReader((model.parent / "history.csv").open()))
    assert [int(row["step"]) for row in rows] == list(range(1, 8))
    averaged = load_file(latest_checkpoint(job.checkpoints) / "ema.safetensors")
    assert (load_file(model / "weights.safetensors")["branch.weight"] == averaged["branch.weight"]).all()
    assert "7 steps x 4 = 28 samples" in capsys.readouterr().out
    tracked, tags = Tracker(workspace).find(job.id)
    assert tags["git.revision"] == "abc" and tags["data.render"] == record["data"]["render"]
    assert tracked.run_id in (latest_checkpoint(job.checkpoints) / "state.json").read_text()


def test_a_second_call_changes_nothing_and_damage_is_repaired(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    params = train_params()
    model = train_run(workspace, params, "first")
    first = published(workspace)
    monkeypatch.setattr(tasks.train.launch, "train", lambda *_: pytest.fail("trained again"))
    train_run(workspace, params, "first")
    with monkeypatch.context() as patch:
        patch.setattr(FileDigests, "digest", staticmethod(lambda path: pytest.fail(f"{path} was read again")))
        train_run(workspace, params, "first")
    (model / "weights.safetensors").write_bytes(b"damaged")
    train_run(workspace, params, "first")
    assert published(workspace) == first


def test_same_bytes_in_another_place_and_other_bytes_for_other_settings(workspace: Workspace, tmp_path: Path) -> None:
    train_run(workspace, train_params(), "first")
    first = published(workspace)
    elsewhere = Workspace(tmp_path / "elsewhere", "tiny")
    write_pictures(elsewhere)
    train_run(elsewhere, train_params(checkpoint_every=5), "first")
    assert published(elsewhere) == first
    train_run(elsewhere, train_params(seed=1), "first")
    assert published(elsewhere)["run.json"] != first["run.json"]
    assert published(elsewhere)["model/weights.safetensors"] != first["model/weights.safetensors"]


def test_parents_enter_the_identity_and_must_be_there(workspace: Workspace) -> None:
    params = train_params()
    child = params.train.runs["first"].model_copy(update={"parents": {"base": "first"}, "config": {"need": "base"}})
    runs = {**params.train.runs, "second": child}
    params = params.model_copy(update={"train": params.train.model_copy(update={"runs": runs})})
    with pytest.raises(ValueError, match="train 'first' first"):
        train_run(workspace, params, "second")
    train_run(workspace, params, "first")
    train_run(workspace, params, "second")
    first, second = (json.loads(published(workspace, name)["run.json"]) for name in ("first", "second"))
    assert second["parents"] == {"base": first["weights_sha256"]}


def test_missing_data_says_which_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="run `atelier3d render"):
        train_run(Workspace(tmp_path, "tiny"), train_params(), "first")
    with pytest.raises(ValueError, match="no training run 'third'"):
        train_run(Workspace(tmp_path, "tiny"), train_params(), "third")


class Broken:
    """An MLflow that fails at everything."""

    def __getattr__(self, name: str) -> object:
        raise ConnectionError("no tracking server")


def test_training_ends_the_same_when_mlflow_fails_everywhere(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    train_run(workspace, train_params(), "first")
    other = Workspace(tmp_path / "other", "tiny")
    write_pictures(other)
    monkeypatch.setattr("tasks.tracking._client", lambda uri: Broken())
    train_run(other, train_params(), "first")
    assert published(other) == published(workspace)
    assert len([record for record in caplog.records if "does not take part" in record.message]) == 1


RUN = """
import sys, time, torch
from pathlib import Path
import tasks.train.job, tasks.train.launch
from tasks.artefacts import Workspace
from tests.fakes import TinyRecipe, train_params
class Slow(TinyRecipe):
    def loss(self, *arguments):
        time.sleep(0.05)
        return super().loss(*arguments)
tasks.train.job.make_recipe = lambda name, config: Slow(**config)
tasks.train.launch.provenance = lambda workspace: {}
torch.set_num_threads(1)
tasks.train.launch.train_run(Workspace(Path(sys.argv[1]), "tiny"), train_params(steps=30, checkpoint_every=4), "first")
"""


def start(workspace: Workspace) -> subprocess.Popen:
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen([sys.executable, "-c", RUN, str(workspace.root)], env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL)


def wait_for_checkpoint(workspace: Workspace, params: Params, after: Path | None) -> Path:
    folder, deadline = make_job(workspace, params, "first").checkpoints, time.monotonic() + 60
    while latest_checkpoint(folder) == after:
        assert time.monotonic() < deadline, "no checkpoint in a minute"
        time.sleep(0.02)
    return latest_checkpoint(folder)


@pytest.mark.slow
def test_killed_with_sigkill_twice_and_resumed(workspace: Workspace, tmp_path: Path) -> None:
    params, checkpoint = train_params(steps=30, checkpoint_every=4), None
    for _ in range(2):
        process = start(workspace)
        checkpoint = wait_for_checkpoint(workspace, params, checkpoint)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(workspace).wait(120) == 0
    whole = Workspace(tmp_path / "whole", "tiny")
    write_pictures(whole)
    assert start(whole).wait(120) == 0
    assert published(workspace) == published(whole)
    job = make_job(workspace, params, "first")
    _, tags = Tracker(workspace).find(job.id)
    assert tags["atelier3d.resumed"] == "2"
