"""MLflow on SQLite: runs opened, resumed, marked and registered; and nothing that MLflow does stops the work."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import tasks.tracking
from tasks.artefacts import Workspace
from tasks.tracking import PROCESS_TAG, RESUMED_TAG, RunLog, TrackedRun, Tracker, _client, _this_process


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, made once: that takes seconds."""
    workspace = Workspace(tmp_path_factory.mktemp("mlflow"), "tiny")
    Tracker(workspace).open("first", {}, {})
    return workspace.runs / "mlflow.db"


@pytest.fixture
def workspace(database: Path, tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path, "tiny")
    workspace.runs.mkdir(parents=True)
    (workspace.runs / "mlflow.db").write_bytes(database.read_bytes())
    return workspace


def stored(run: TrackedRun) -> Any:
    return _client(run.uri).get_run(run.run_id)


def test_a_run_carries_tags_params_metrics_and_files(workspace: Workspace) -> None:
    run = Tracker(workspace).open("a-1", {"git.revision": "abc", "long": "x" * 9000}, {"steps": 7, "config.depth": [1, 2]})
    picture = workspace.root / "grid.png"
    picture.write_bytes(b"png")
    with RunLog(run) as log:
        log.metrics({"step": step, "loss": 1.0 / step, "part/odd name:": 2.0} for step in range(1, 2501))
        log.file(picture, "pictures")
    data = stored(run).data
    assert data.tags["git.revision"] == "abc" and data.params == {"steps": "7", "config.depth": "[1, 2]"}
    client = _client(run.uri)
    history = client.get_metric_history(run.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(step, 1.0 / step) for step in range(1, 2501)]
    assert data.metrics["part/odd name_"] == 2.0
    assert [file.path for file in client.list_artifacts(run.run_id, "pictures")] == ["pictures/grid.png"]


def test_an_unfinished_run_goes_on_and_a_finished_one_stays(workspace: Workspace) -> None:
    tracker = Tracker(workspace)
    first = tracker.open("a-1", {}, {"steps": 7})
    tracker.end(first, "FAILED")
    assert stored(first).info.status == "FAILED"
    again = tracker.open("a-1", {}, {"steps": 7}, run_id=first.run_id)
    assert again == first and stored(first).info.status == "RUNNING" and stored(first).data.tags[RESUMED_TAG] == "1"
    tracker.end(again, "FINISHED")
    assert tracker.open("a-1", {}, {"steps": 7}, run_id=first.run_id) != first
    assert tracker.open("b-1", {}, {"steps": 7}) != first


def test_a_resumed_run_has_every_step_once(workspace: Workspace) -> None:
    """Killed after step 5, gone on from the checkpoint of step 2; `late` is a metric that the first part did not have yet."""
    tracker = Tracker(workspace)
    run = tracker.open("a-1", {}, {})
    for steps, late in ((range(1, 6), {}), (range(3, 9), {"late": 1.0})):
        with RunLog(run) as log:
            log.metrics({"step": step, "loss:": 1.0 / step, **late} for step in steps)
    history = {name: _client(run.uri).get_metric_history(run.run_id, name) for name in ("loss_", "late")}
    assert {name: [metric.step for metric in metrics] for name, metrics in history.items()} == {"loss_": list(range(1, 9)), "late": list(range(3, 9))}


def test_a_killed_run_is_marked_and_a_living_one_is_not(workspace: Workspace) -> None:
    tracker = Tracker(workspace)
    living, killed = tracker.open("a-1", {}, {}), tracker.open("b-1", {}, {})
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host, _, started = _this_process().split(" ")
    _client(killed.uri).set_tag(killed.run_id, PROCESS_TAG, f"{host} {ended.pid} {started}")
    tracker.open("c-1", {}, {})
    assert (stored(living).info.status, stored(killed).info.status) == ("RUNNING", "KILLED")


def test_a_model_is_registered_and_the_alias_moves(workspace: Workspace, tmp_path: Path) -> None:
    tracker, folder = Tracker(workspace), tmp_path / "model"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(b"weights")
    versions = [tracker.register(tracker.open(key, {}, {}), "atelier3d-tiny-a", folder, {"weights_sha256": key}) for key in ("a-1", "a-2")]
    assert versions == ["1", "2"]
    client = _client(tracker.uri)
    current = client.get_model_version_by_alias("atelier3d-tiny-a", "current")
    assert (str(current.version), current.tags["weights_sha256"]) == ("2", "a-2")
    assert (Path(current.source.removeprefix("file://")) / "weights.safetensors").read_bytes() == b"weights"


def test_a_run_is_found_by_its_key(workspace: Workspace, tmp_path: Path) -> None:
    tracker = Tracker(workspace)
    run = tracker.open("a-1", {"git.revision": "abc"}, {})
    found, tags = tracker.find("a-1")
    assert found == run and tags["git.revision"] == "abc"
    assert tracker.find("a-2") is None
    assert Tracker(Workspace(tmp_path / "empty", "tiny")).find("a-1") is None
    assert not (tmp_path / "empty").exists()


class Broken:
    """An MLflow that fails at everything."""

    def __getattr__(self, name: str) -> object:
        raise ConnectionError("no tracking server")


def test_failures_are_one_warning_each_side(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    run = TrackedRun("sqlite:///nowhere", "x")
    monkeypatch.setattr(tasks.tracking, "_client", lambda uri: Broken())
    tracker = Tracker(workspace)
    assert tracker.open("a-1", {}, {}) is None and tracker.find("a-1") is None
    tracker.end(run, "FINISHED")
    assert tracker.register(run, "m", workspace.root, {}) is None
    assert len(caplog.records) == 1 and "no tracking server" in caplog.text
    with RunLog(run) as log:
        for step in range(5):
            log.metrics([{"step": step, "loss": 1.0}])
            log.file(Path("missing.png"), "pictures")
    assert len(caplog.records) == 2


def test_logging_never_waits_for_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(tasks.tracking, "_client", lambda uri: release.wait(20) and Broken())
    with RunLog(TrackedRun("sqlite:///nowhere", "x")) as log:
        begun = time.monotonic()
        for step in range(tasks.tracking.QUEUE_LENGTH + 100):
            log.metrics([{"step": step, "loss": 1.0}])
        assert time.monotonic() - begun < 5
        release.set()


def test_without_a_run_nothing_happens() -> None:
    with RunLog(None) as log:
        log.metrics([{"step": 1, "loss": 1.0}])
        log.file(Path("missing.png"), "pictures")
