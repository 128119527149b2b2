"""Batches: the right samples, only the wanted members, in order whatever the threads do, bounded ahead."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

import tasks.train.loader
from models.recipe import Source
from tasks.train.job import TrainJob
from tasks.train.loader import Loader, SampleReader
from tests.fakes import TinyRecipe

JobOf = Callable[..., TrainJob]


def loader_of(job: TrainJob) -> Loader:
    return Loader(job.recipe, job.data, job.run.batch_size, job.seed)


def test_only_wanted_members_are_read_and_decoded(job_of: JobOf, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    true_read = tasks.train.loader.read_member
    monkeypatch.setattr(tasks.train.loader, "read_member", lambda *place: read.append(place) or true_read(*place))
    sample = SampleReader(job_of().recipe.sources[0], job_of().data["render"]).read(0, 1)
    assert sample["__key__"] == "asset_0_1" and sample["views.json"] == {"asset_id": "asset_0_1"}
    assert set(sample) == {"__key__", "views.json", "front.rgb.png"} and len(read) == 2


@pytest.mark.parametrize("threads", [1, 3])
def test_a_stream_is_the_batches_in_order(job_of: JobOf, threads: int) -> None:
    loader = loader_of(job_of())
    wanted = [(step, number) for step in range(12) for number in range(2)]
    streamed = list(loader.stream(wanted, parts=2, threads=threads))
    for (step, number), micro in zip(wanted, streamed, strict=True):
        alone = loader_of(job_of()).read(step, number, 2)
        keys = loader.keys(step, number, 2)
        assert (micro.step, micro.samples) == (step, 2)
        assert micro.batch["keys"] == alone.batch["keys"] == keys["render"] + keys["matched_real"]
        assert torch.equal(micro.batch["clean"], alone.batch["clean"]) and torch.equal(micro.batch["noise"], alone.batch["noise"])


def test_noise_and_samples_do_not_depend_on_the_parts(job_of: JobOf) -> None:
    loader = loader_of(job_of(batch_size=8))
    whole = loader.read(5)
    rows = {key: whole.batch["noise"][row] for row, key in enumerate(whole.batch["keys"])}
    for parts in (2, 3):
        split = [loader.read(5, number, parts).batch for number in range(parts)]
        assert sorted(key for batch in split for key in batch["keys"]) == sorted(whole.batch["keys"])
        assert all(torch.equal(batch["noise"][row], rows[key]) for batch in split for row, key in enumerate(batch["keys"]))


def test_reading_ahead_is_bounded(job_of: JobOf, monkeypatch: pytest.MonkeyPatch) -> None:
    loader, started, lock = loader_of(job_of()), [], threading.Lock()
    read = loader.read

    def noted(step: int, *rest: int) -> object:
        with lock:
            started.append(step)
        return read(step, *rest)

    monkeypatch.setattr(loader, "read", noted)
    stream = loader.stream(((step, 0) for step in range(100)), parts=1, threads=2)
    next(stream)
    time.sleep(0.3)
    assert len(started) <= 4
    stream.close()
    assert len(started) <= 5


def test_missing_sources_and_members_are_told(job_of: JobOf) -> None:
    job = job_of()
    with pytest.raises(ValueError, match="recipe tiny reads matched_real, which the data set does not hold"):
        Loader(job.recipe, {"render": job.data["render"]}, 4, 0)
    strange = replace(TinyRecipe(), sources=(Source("render", 1.0, r"left\.rgb\.png"),))
    with pytest.raises(ValueError, match=r"sample 'asset_\d_\d' has no member that matches"):
        Loader(strange, job.data, 4, 0).read(0)
