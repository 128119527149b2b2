"""Real Ray Train V2: two workers as good as one, a killed worker resumed, and a user's mistake told as such."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from data_specs.params import TrainParams
from models.recipe import Batch, StepRandom
from tasks.train.checkpoint import latest_checkpoint, load_checkpoint, read_record
from tasks.train.cluster import retry_deaths, train_on_ray
from tasks.train.failures import WorkerLost
from tasks.train.history import read_history
from tasks.train.job import TrainJob
from tasks.train.loop import new_state, train
from tasks.train.worker import Worker
from tests.fakes import TinyRecipe, train_params

pytestmark = [pytest.mark.slow]
ALONE = Worker(0, 1, torch.device("cpu"))
JobOf = Callable[..., TrainJob]


@dataclass(frozen=True)
class Recorded(TinyRecipe):
    """Notes the process id and the samples of every step in files; may be slow or refuse a step."""

    folder: str = ""
    seconds: float = 0.0
    refuse_at: int = -1
    refusal: type[Exception] = ValueError

    def loss(self, network: nn.Module, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        if rng.number == self.refuse_at:
            with Path(self.folder, "refusals").open("a") as file:
                file.write("x")
            raise self.refusal("sample 'asset_0_0' cannot be read")
        time.sleep(self.seconds)
        for key, place in zip(batch["keys"], rng.places):
            Path(self.folder, f"{rng.number:03d}-{place:02d}-{key}").write_text(str(os.getpid()))
        return super().loss(network, batch, rng)


def ray_params(workers: int, max_failures: int = 3) -> TrainParams:
    return train_params(workers=workers).train.model_copy(update={"max_failures": max_failures})


def recorded(job: TrainJob, folder: Path, **settings: object) -> TrainJob:
    folder.mkdir(exist_ok=True)
    return replace(job, recipe=Recorded(plain=True, folder=str(folder), **settings))


def samples(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def losses(job: TrainJob) -> list[float]:
    return [row["loss"] for row in read_history(job.history)]


def test_two_workers_take_the_same_samples_to_the_same_losses(job_of: JobOf, tmp_path: Path) -> None:
    settings = {"steps": 12, "batch_size": 6, "config": {"plain": True}, "learning_rate": 1e-3}
    one = recorded(job_of("one", **settings), tmp_path / "one_seen")
    two = recorded(job_of("two", **settings), tmp_path / "two_seen")
    train(one, ALONE)
    train_on_ray(replace(two, run=two.run.model_copy(update={"steps": 5})), ray_params(2))
    assert read_record(latest_checkpoint(two.checkpoints))["step"] == 5
    assert len({path.read_text() for path in (tmp_path / "two_seen").iterdir()}) == 2
    train(two, ALONE)  # and goes on with another number of workers
    assert samples(tmp_path / "one_seen") == samples(tmp_path / "two_seen")
    assert len(losses(two)) == 12
    np.testing.assert_allclose(losses(two), losses(one), rtol=1e-5)
    first, second = (load_file(latest_checkpoint(job.checkpoints) / "weights.safetensors") for job in (one, two))
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-4, atol=1e-6)


def test_a_killed_worker_is_replaced_and_the_run_ends_bit_for_bit_the_same(job_of: JobOf, tmp_path: Path) -> None:
    settings = {"steps": 20, "checkpoint_every": 4}
    whole = recorded(job_of("whole", **settings), tmp_path / "whole_seen")
    torch.set_num_threads(1)
    train(whole, ALONE)
    broken = recorded(job_of("broken", **settings), tmp_path / "seen", seconds=0.2)
    killed: list[int] = []

    def kill_after_the_second_checkpoint() -> None:
        while (found := latest_checkpoint(broken.checkpoints)) is None or read_record(found)["step"] < 8:
            time.sleep(0.05)
        newest = max((tmp_path / "seen").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        killed.append(int(newest.read_text()))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_after_the_second_checkpoint, daemon=True)
    killer.start()
    train_on_ray(broken, ray_params(1))
    killer.join(10)
    assert killed and not psutil.pid_exists(killed[0])
    assert losses(broken) == losses(whole)
    states = []
    for job in (whole, broken):
        states.append(new_state(job, ALONE))
        load_checkpoint(latest_checkpoint(job.checkpoints), states[-1])
    for name, value in states[0].network.state_dict().items():
        assert torch.equal(value, states[1].network.state_dict()[name])
    assert all(torch.equal(value, states[1].ema.shadow[name]) for name, value in states[0].ema.shadow.items())


@pytest.mark.parametrize(
    ("error", "raised", "told"),
    [
        (ValueError, ValueError, "^sample 'asset_0_0'"),
        (FileNotFoundError, ValueError, "^FileNotFoundError: sample 'asset_0_0'"),
        (RuntimeError, RuntimeError, "^training failed on worker 0: RuntimeError: sample 'asset_0_0'"),
    ],
)
def test_an_error_is_told_as_such_and_not_made_again(
    job_of: JobOf, tmp_path: Path, error: type[Exception], raised: type[Exception], told: str
) -> None:
    job = recorded(job_of(), tmp_path / "seen", refuse_at=1, refusal=error)
    with pytest.raises(raised, match=told):
        train_on_ray(job, ray_params(1))
    assert (tmp_path / "seen" / "refusals").read_text() == "x"


def test_the_death_of_one_of_two_workers_is_survived(job_of: JobOf, tmp_path: Path) -> None:
    settings = {"steps": 12, "batch_size": 6, "config": {"plain": True}, "checkpoint_every": 4}
    whole, broken = (recorded(job_of(name, **settings), tmp_path / name, seconds=0.2 * (name == "broken")) for name in ("whole", "broken"))
    train(whole, ALONE)

    def kill_one() -> None:
        while latest_checkpoint(broken.checkpoints) is None:
            time.sleep(0.05)
        os.kill(int(min({path.read_text() for path in (tmp_path / "broken").iterdir()})), signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    train_on_ray(broken, ray_params(2))
    killer.join(10)
    assert len({path.read_text() for path in (tmp_path / "broken").iterdir()}) >= 3, "two processes, and who took their places"
    np.testing.assert_allclose(losses(broken), losses(whole), rtol=1e-5)


def test_deaths_are_survived_as_often_as_asked() -> None:
    calls: list[int] = []

    def fit(deaths: int) -> None:
        calls.append(deaths)
        if len(calls) <= deaths:
            raise WorkerLost("a worker died")

    retry_deaths(lambda: fit(2), 2)
    assert len(calls) == 3
    calls.clear()
    with pytest.raises(WorkerLost, match="a worker died"):
        retry_deaths(lambda: fit(3), 2)
    assert len(calls) == 3
    with pytest.raises(ZeroDivisionError):
        retry_deaths(lambda: calls.append(1 // 0), 2)
    assert len(calls) == 3
