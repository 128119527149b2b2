"""From parameters to a published model: plan, train here or on Ray, publish, register. Safe to kill and rerun at any moment."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from data_specs.params import Params, TrainParams
from tasks.artefacts import Workspace
from tasks.progress import Progress
from tasks.provenance import provenance
from tasks.tracking import Tracker
from tasks.train.checkpoint import latest_checkpoint, load_checkpoint, read_record
from tasks.train.cluster import train_on_ray
from tasks.train.ema import copy_weights
from tasks.train.history import as_csv, last_row, read_history
from tasks.train.job import TrainJob, make_job
from tasks.train.loop import new_state, train
from tasks.train.plan import describe, plan_job
from tasks.train.published import is_published, publish
from tasks.train.worker import Worker, alone

FOLLOW_INTERVAL_S = 0.5


def train_run(workspace: Workspace, params: Params, name: str) -> Path:
    """Train the run `name` of `params.train` unless its model is there already; returns the model's folder.

    Raises ValueError for wrong settings, missing parents or data, and data that cannot be read.
    """
    job = make_job(workspace, params, name, fetch=True)
    if is_published(job.output, job.id, workspace.runs / "train"):
        print(f"train {name}: already trained ({job.id})", flush=True)
        return job.output / "model"
    print(describe(plan_job(job, params.train)), flush=True)
    tracker = Tracker(workspace)
    with _tracked(tracker, workspace, job) as job:
        with _followed(workspace, job):
            _train(job, params.train)
        record = publish_job(job)
        tags = {"run": job.id, "weights_sha256": record["weights_sha256"]}
        tracker.register(job.tracked, f"{tracker.experiment}-{name}", job.output / "model", tags)
    shutil.rmtree(job.folder / "ray", ignore_errors=True)
    return job.output / "model"


def publish_job(job: TrainJob) -> dict:
    """Write the model of the last checkpoint (averaged weights where there are any), its curve and grids into `job.output`; returns `run.json`."""
    state = new_state(replace(job, run=job.run.model_copy(update={"gradient_checkpointing": False})), Worker(0, 1, torch.device("cpu")))
    checkpoint = latest_checkpoint(job.checkpoints)
    if checkpoint is None or read_record(checkpoint)["step"] != job.run.steps:
        raise ValueError(f"run {job.id} has no checkpoint of its last step {job.run.steps} in {job.checkpoints}: train it again")
    load_checkpoint(checkpoint, state)
    if state.ema:
        copy_weights(state.network, state.ema.shadow)

    def write(folder: Path) -> None:
        job.recipe.save(state.network.eval(), folder / "model")
        (folder / "history.csv").write_text(as_csv(read_history(job.history)))
        shutil.copytree(job.pictures, folder / "pictures")

    record = {"id": job.id, "name": job.name, "recipe": job.recipe.name, **job.identity, "samples": job.run.steps * job.run.batch_size}
    return publish(job.output, record, write)


def _train(job: TrainJob, params: TrainParams) -> None:
    checkpoint = latest_checkpoint(job.checkpoints)
    if checkpoint is not None and read_record(checkpoint)["step"] >= job.run.steps:
        return
    if params.workers == 0:
        train(job, alone())
    else:
        train_on_ray(job, params)


@contextmanager
def _tracked(tracker: Tracker, workspace: Workspace, job: TrainJob) -> Iterator[TrainJob]:
    """Open the run in MLflow, and end it however training ends."""
    checkpoint = latest_checkpoint(job.checkpoints)
    earlier = read_record(checkpoint)["tracked"] if checkpoint else None
    settings = {f"config.{name}": value for name, value in job.run.config.items()} | job.run.model_dump(exclude={"config"})
    tags = provenance(workspace) | {f"data.{word}": digest for word, digest in job.identity["data"].items()}
    tags |= {f"parent.{role}": digest for role, digest in job.identity["parents"].items()}
    tracked = tracker.open(job.id, tags, settings, earlier)
    try:
        yield replace(job, tracked=tracked)
    except BaseException as error:
        tracker.end(tracked, "FAILED" if isinstance(error, Exception) else "KILLED")
        raise
    tracker.end(tracked, "FINISHED")


@contextmanager
def _followed(workspace: Workspace, job: TrainJob) -> Iterator[None]:
    """Show steps, loss and time left while workers, here or elsewhere, write the run's history."""
    ended = threading.Event()
    checkpoint = latest_checkpoint(job.checkpoints)
    done = read_record(checkpoint)["step"] if checkpoint else 0
    with Progress(workspace, f"train-{job.name}", job.run.steps, done) as progress:
        thread = threading.Thread(target=_follow, args=(job, progress, ended), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _follow(job: TrainJob, progress: Progress, ended: threading.Event) -> None:
    while True:
        last_look = ended.wait(FOLLOW_INTERVAL_S)
        row = last_row(job.history)
        if row and row["step"] != progress.done:
            progress.advance(row["step"] - progress.done, f"loss {row['loss']:.4g}")
        if last_look:
            return
