"""DDP and FSDP on two processes: the losses of one, and checkpoints that each can go on from."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from safetensors.torch import load_file

from models.image_codec import decode_image
from models.realiz3d.network import save_model
from models.registry import make_recipe
from tasks.train.checkpoint import latest_checkpoint
from tasks.train.history import read_history
from tasks.train.job import TrainJob, make_job
from tasks.train.loop import train
from tasks.train.worker import Worker
from tests.fakes import train_params
from tests.models.realiz3d.fabricated import small_model, stirred
from tests.tasks.fabricated import make_data

pytestmark = [pytest.mark.slow]
CPU = torch.device("cpu")
JobOf = Callable[..., TrainJob]


def work(rank: int, port: int, job: TrainJob, strategy: Any) -> None:
    """One of two workers; runs in a process of its own."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    try:
        train(job, Worker(rank, 2, CPU, strategy))
    finally:
        dist.destroy_process_group()


def train_with(job: TrainJob, strategy: str, to: int) -> None:
    """Train up to step `to`, alone or with two workers, from the last checkpoint if there is one."""
    part = replace(job, run=job.run.model_copy(update={"steps": to}))
    if strategy == "alone":
        train(part, Worker(0, 1, CPU))
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes.start_processes(work, (port, part, strategy), nprocs=2, start_method="spawn")


def losses(job: TrainJob) -> list[float]:
    return [row["loss"] for row in read_history(job.history)]


def assert_same_state(first: TrainJob, second: TrainJob, tolerance: float) -> None:
    """The weights that train and their averages agree in the last checkpoints; running statistics depend on the order of the parts."""
    folders = [latest_checkpoint(job.checkpoints) for job in (first, second)]
    trained = load_file(folders[0] / "ema.safetensors").keys()
    for name in ("weights", "ema"):
        ours, theirs = (load_file(folder / f"{name}.safetensors") for folder in folders)
        assert ours.keys() == theirs.keys()
        for key in trained:
            torch.testing.assert_close(ours[key], theirs[key], rtol=tolerance, atol=tolerance, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("order", [("ddp", "fsdp"), ("fsdp", "ddp")])
def test_each_strategy_goes_on_from_the_other(job_of: JobOf, order: tuple[str, str]) -> None:
    settings = {"batch_size": 8, "config": {"plain": True}, "learning_rate": 1e-3, "gradient_accumulation": 2, "picture_every": 3}
    one, two = job_of("one", **settings), job_of("two", **settings)
    train_with(one, "alone", 12)
    train_with(two, order[0], 5)
    train_with(two, order[1], 9)
    train_with(two, "alone", 12)
    np.testing.assert_allclose(losses(two), losses(one), rtol=1e-5)
    assert_same_state(one, two, 1e-5)
    for name in ("step-00000003.png", "step-00000006.png"):
        ours, theirs = (decode_image((job.pictures / name).read_bytes()).astype(int) for job in (one, two))
        assert np.abs(ours - theirs).max() <= 1


@pytest.fixture
def realiz3d_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], TrainJob]:
    """Name of a folder -> a job of stage 2, whose early blocks real samples do not train (SPEC R6)."""
    monkeypatch.setattr("tasks.train.job.make_recipe", make_recipe)
    workspace = make_data(tmp_path)
    save_model(stirred(small_model()), tmp_path / "shifted")
    params = train_params("realiz3d_stage2", config={"picture_steps": 2}, batch_size=8, steps=6, learning_rate=1e-3, gradient_checkpointing=True)

    def build(at: str) -> TrainJob:
        return replace(make_job(workspace, params, "first"), parents={"shifted": tmp_path / "shifted"}, folder=workspace.runs / at)

    return build


def test_realiz3d_trains_in_parts_as_whole(realiz3d_job: Callable[[str], TrainJob]) -> None:
    one, two = realiz3d_job("one"), realiz3d_job("two")
    train_with(one, "alone", 6)
    train_with(two, "fsdp", 4)
    train_with(two, "ddp", 6)
    np.testing.assert_allclose(losses(two), losses(one), rtol=0, atol=1e-5)
    assert_same_state(one, two, 1e-4)


def test_a_worker_without_a_source_is_refused(job_of: JobOf) -> None:
    with pytest.raises(Exception, match="every worker needs samples of every source"):
        train_with(job_of(batch_size=2), "fsdp", 2)
