"""MLflow, in one place: runs in `runs/<size>/mlflow.db` (or at MLFLOW_TRACKING_URI), artifacts beside it. Whatever MLflow does, the work goes on.

The driver opens and ends runs (`Tracker`); a worker logs by explicit run id from a background thread (`RunLog`). The first failure is
reported as a warning, later ones are passed over.
"""

import contextlib
import logging
import os
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import psutil

from tasks.artefacts import Workspace

LOGGER = logging.getLogger(__name__)
KEY_TAG, PROCESS_TAG, RESUMED_TAG = "atelier3d.key", "atelier3d.process", "atelier3d.resumed"
ALIAS = "current"
"""Marks the newest version of a model; MLflow keeps the word `latest` for itself."""
QUEUE_LENGTH = 10_000
METRICS_PER_BATCH, ENTRIES_PER_BATCH, VALUE_LENGTH = 1000, 100, 5000
CLOSE_TIMEOUT_S = 60.0

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class TrackedRun:
    """A run that exists in MLflow."""

    uri: str
    run_id: str


class _Tolerance:
    """Runs actions on MLflow; a failure gives None, and the first one a warning."""

    def __init__(self) -> None:
        self.warned = False

    def __call__(self, action: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return action(*arguments)
        except Exception as error:  # MLflow, SQLAlchemy and the network share no base class, and none of them may stop the work
            if not self.warned:
                LOGGER.warning("MLflow does not take part (%s: %s); the work goes on without it", type(error).__name__, error)
            self.warned = True
            return None


class Tracker:
    """The driver's side: opens, ends and registers. Every method returns None instead of raising."""

    def __init__(self, workspace: Workspace) -> None:
        self.folder = workspace.runs.resolve()
        self.server = os.environ.get("MLFLOW_TRACKING_URI")
        self.uri = self.server or f"sqlite:///{self.folder / 'mlflow.db'}"
        self.experiment = f"atelier3d-{workspace.size}"
        self._try = _Tolerance()

    def open(self, key: str, tags: Mapping[str, Any], params: Mapping[str, Any], run_id: str | None = None) -> TrackedRun | None:
        """Open the run of `key` (name and hash) as running: the one that a checkpoint names, an unfinished one of that key, or a new one."""
        return self._try(self._open, key, tags, params, run_id)

    def end(self, run: TrackedRun | None, status: Status) -> None:
        """Give a run its end."""
        if run is not None:
            self._try(lambda: _client(run.uri).set_terminated(run.run_id, status))

    def register(self, run: TrackedRun | None, model: str, folder: Path, tags: Mapping[str, str]) -> str | None:
        """Copy a model folder into the run's artifacts, register it as the new `current` version of `model`; the version."""
        return None if run is None else self._try(self._register, run, model, folder, tags)

    def find(self, key: str) -> tuple[TrackedRun, dict[str, str]] | None:
        """The newest run of a key and its tags, or None when MLflow knows none."""
        return self._try(self._find, key)

    def _find(self, key: str) -> tuple[TrackedRun, dict[str, str]] | None:
        if not self.server and not (self.folder / "mlflow.db").is_file():
            return None
        client = _client(self.uri)
        experiment = client.get_experiment_by_name(self.experiment)
        found = client.search_runs([experiment.experiment_id], f"tags.`{KEY_TAG}` = '{key}'", max_results=1) if experiment else []
        return (TrackedRun(self.uri, found[0].info.run_id), dict(found[0].data.tags)) if found else None

    def _open(self, key: str, tags: Mapping[str, Any], params: Mapping[str, Any], run_id: str | None) -> TrackedRun:
        self.folder.mkdir(parents=True, exist_ok=True)
        client = _client(self.uri)
        experiment = self._experiment(client)
        _mark_killed(client, experiment)
        run = _earlier(client, experiment, key, run_id)
        if run:
            client.update_run(run.info.run_id, status="RUNNING")
            client.set_tag(run.info.run_id, RESUMED_TAG, str(1 + int(run.data.tags.get(RESUMED_TAG, "0"))))
        else:
            run = client.create_run(experiment, run_name=key, tags={KEY_TAG: key})
        described = {**{name: _text(value) for name, value in tags.items()}, PROCESS_TAG: _this_process()}
        _log_texts(client, run.info.run_id, described, {name: _text(value) for name, value in params.items()})
        return TrackedRun(self.uri, run.info.run_id)

    def _experiment(self, client: Any) -> str:
        found = client.get_experiment_by_name(self.experiment)
        artifacts = None if self.server else (self.folder / "mlartifacts").as_uri()
        return found.experiment_id if found else client.create_experiment(self.experiment, artifact_location=artifacts)

    def _register(self, run: TrackedRun, model: str, folder: Path, tags: Mapping[str, str]) -> str:
        from mlflow.exceptions import MlflowException

        client = _client(run.uri)
        client.log_artifacts(run.run_id, str(folder), "model")
        try:
            client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{client.get_run(run.run_id).info.artifact_uri}/model"
        version = client.create_model_version(model, source, run.run_id, tags=dict(tags))
        client.set_registered_model_alias(model, ALIAS, version.version)
        return str(version.version)


class RunLog:
    """A worker's side: metrics and files go into a queue that a thread empties in batches. Without a run nothing happens.

    Steps that the run already has are left out: a run that was killed logged some beyond the checkpoint it goes on from.
    """

    def __init__(self, run: TrackedRun | None) -> None:
        self.run = run
        self._queue: queue.Queue[Callable[[Any], None] | list[Any] | None] = queue.Queue(QUEUE_LENGTH)
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True) if run else None
        self._overrun = False
        self._logged: dict[str, int] = {}
        """Name of a metric -> its last step in MLflow when this log was opened."""

    def __enter__(self) -> "RunLog":
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._thread:
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=CLOSE_TIMEOUT_S)
            self._thread.join(CLOSE_TIMEOUT_S)

    def metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Log numbers: each row has a `step` and named values."""
        now = int(time.time() * 1000)
        self._put([(name, value, now, row["step"]) for row in rows for name, value in row.items() if name != "step"])

    def file(self, path: Path, folder: str) -> None:
        """Copy a file into a folder of the run's artifacts."""
        run = self.run
        if run:
            self._put(lambda client: client.log_artifact(run.run_id, str(path), folder))

    def _put(self, entry: Callable[[Any], None] | list[Any]) -> None:
        if self._thread:
            try:
                self._queue.put_nowait(entry)
            except queue.Full:
                if not self._overrun:
                    LOGGER.warning("MLflow is slower than the run: some metrics are left out")
                self._overrun = True

    def _work(self) -> None:
        attempt, waiting = _Tolerance(), True
        attempt(self._find_logged)
        while waiting:
            entries = [self._queue.get()]
            while not self._queue.empty():
                entries.append(self._queue.get())
            waiting = None not in entries
            attempt(self._log_metrics, [metric for entry in entries if isinstance(entry, list) for metric in entry])
            for entry in entries:
                if callable(entry):
                    attempt(lambda action: action(_client(self._uri())), entry)

    def _find_logged(self) -> None:
        assert self.run is not None
        client = _client(self.run.uri)
        for name in client.get_run(self.run.run_id).data.metrics:
            self._logged[name] = max(metric.step for metric in client.get_metric_history(self.run.run_id, name))

    def _log_metrics(self, metrics: list[tuple[str, float, int, int]]) -> None:
        if not metrics or self.run is None:
            return
        from mlflow.entities import Metric

        client = _client(self.run.uri)
        new = [Metric(_name(name), value, now, step) for name, value, now, step in metrics if step > self._logged.get(_name(name), -1)]
        for first in range(0, len(new), METRICS_PER_BATCH):
            client.log_batch(self.run.run_id, metrics=new[first : first + METRICS_PER_BATCH])

    def _uri(self) -> str:
        assert self.run is not None
        return self.run.uri


def _client(uri: str) -> Any:
    """MLflow's client. Imported here: it takes seconds and only those who track need it."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _log_texts(client: Any, run_id: str, tags: dict[str, str], params: dict[str, str]) -> None:
    from mlflow.entities import Param, RunTag

    for first in range(0, max(len(tags), len(params)), ENTRIES_PER_BATCH):
        last = first + ENTRIES_PER_BATCH
        some_tags = [RunTag(name, value) for name, value in list(tags.items())[first:last]]
        some_params = [Param(_name(name), value) for name, value in list(params.items())[first:last]]
        client.log_batch(run_id, params=some_params, tags=some_tags)


def _earlier(client: Any, experiment: str, key: str, run_id: str | None) -> Any:
    """The run to go on with, or None. A finished one is left as it is: training the same again makes a new run."""
    unfinished = client.search_runs([experiment], f"tags.`{KEY_TAG}` = '{key}' and attributes.status != 'FINISHED'")
    return next((run for run in unfinished if run.info.run_id == run_id), next(iter(unfinished), None))


def _mark_killed(client: Any, experiment: str) -> None:
    """End runs that say they are running although their process on this machine is gone."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        host, _, process = run.data.tags.get(PROCESS_TAG, "").partition(" ")
        if host == socket.gethostname() and not _alive(process):
            client.set_terminated(run.info.run_id, "KILLED")


def _alive(process: str) -> bool:
    number, _, started = process.partition(" ")
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" == started
    except (psutil.Error, ValueError):
        return False


def _this_process() -> str:
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.0f}"


def _name(name: str) -> str:
    return re.sub(r"[^\w\-./ ]", "_", name)


def _text(value: Any) -> str:
    return str(value)[:VALUE_LENGTH]
