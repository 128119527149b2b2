"""The loop: it learns, follows its settings, and an interrupted run ends in the same bytes as one that was not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.image_codec import decode_image
from tasks.train.checkpoint import latest_checkpoint, load_checkpoint
from tasks.train.history import read_history
from tasks.train.job import TrainJob
from tasks.train.loop import new_state, train
from tasks.train.worker import Worker
from tests.fakes import SIDE, TinyRecipe

JobOf = Callable[..., TrainJob]
ALONE = Worker(0, 1, torch.device("cpu"))
STEPS = 13  # an epoch of 21 samples ends within step 11


def everything(job: TrainJob) -> dict[str, bytes]:
    """Bytes of the last checkpoint, the curve and the sampling grids."""
    checkpoint = latest_checkpoint(job.checkpoints)
    assert checkpoint is not None
    files = [*checkpoint.iterdir(), job.history, *job.pictures.iterdir()]
    return {path.name: path.read_bytes() for path in files}


def test_loss_falls_and_only_what_trains_moves(job_of: JobOf) -> None:
    job = job_of(steps=80, config={"plain": True})
    before = new_state(job, ALONE).network.state_dict()
    train(job, ALONE)
    state = new_state(job, ALONE)
    load_checkpoint(latest_checkpoint(job.checkpoints), state)
    losses = [row["loss"] for row in read_history(job.history)]
    assert len(losses) == 80
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])
    after = state.network.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"head.2.weight", "head.2.bias", "branch.weight", "branch.bias", "brightness"}


@pytest.mark.parametrize("killed_at", [[0], [4], [6], [10], [11], [3, 5, 11, 12]])
def test_interrupted_and_resumed_is_uninterrupted_bit_for_bit(job_of: JobOf, killed_at: list[int]) -> None:
    settings = {"steps": STEPS, "checkpoint_every": 3, "picture_every": 5, "gradient_accumulation": 2}
    whole = job_of("whole", **settings)
    train(whole, ALONE)
    broken = job_of("broken", **settings)
    for step in killed_at:
        with pytest.raises(RuntimeError, match="switched off"):
            train(replace(broken, recipe=TinyRecipe(fail_at=step)), ALONE)
    train(broken, ALONE)
    assert everything(broken) == everything(whole)


def test_a_finished_run_trains_no_further_step(job_of: JobOf) -> None:
    job = job_of()
    train(job, ALONE)
    first = everything(job)
    train(replace(job, recipe=TinyRecipe(fail_at=0)), ALONE)
    assert everything(job) == first


def test_accumulation_gives_the_gradient_of_the_whole_batch(job_of: JobOf) -> None:
    settings = {"batch_size": 8, "steps": 5, "config": {"plain": True}}
    curves = []
    for parts in (1, 2, 3):
        job = job_of(f"parts{parts}", gradient_accumulation=parts, **settings)
        train(job, ALONE)
        curves.append([row["loss"] for row in read_history(job.history)])
    np.testing.assert_allclose(curves[1:], [curves[0]] * 2, rtol=1e-5)


def test_warm_up_clipping_and_average_follow_their_formulas(job_of: JobOf) -> None:
    job = job_of(steps=4, checkpoint_every=1, warmup_steps=4, learning_rate=1e-2, max_gradient_norm=1e-9, ema_decay=0.5)
    weights, averages = [], []

    def look(_: object) -> None:
        state = new_state(job, ALONE)
        load_checkpoint(latest_checkpoint(job.checkpoints), state)
        weights.append(state.network.head[2].weight.detach().clone())
        averages.append(state.ema.shadow["head.2.weight"].clone())

    start = new_state(job, ALONE).network.head[2].weight.detach()
    train(job, ALONE, look)
    assert [row["learning_rate"] for row in read_history(job.history)] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    # a gradient clipped to 1e-9 is below AdamW's epsilon of 1e-8: a step of far less than the learning rate
    assert (weights[0] - start).abs().max() < 0.1 * 0.0025
    expected = start
    for step, weight in enumerate(weights, start=1):
        keep = min(0.5, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * weight
        torch.testing.assert_close(averages[step - 1], expected, rtol=0, atol=1e-7)


def test_bf16_trains_with_fp32_weights(job_of: JobOf) -> None:
    fp32, bf16 = job_of("fp32", config={"plain": True}), job_of("bf16", config={"plain": True}, precision="bf16")
    train(fp32, ALONE)
    train(bf16, ALONE)
    full, half = ([row["loss"] for row in read_history(job.history)] for job in (fp32, bf16))
    assert full != half
    np.testing.assert_allclose(half, full, rtol=0.03)
    state = new_state(bf16, ALONE)
    load_checkpoint(latest_checkpoint(bf16.checkpoints), state)
    assert all(weight.dtype == torch.float32 for weight in state.network.parameters())


def test_gradient_checkpointing_is_switched_on_or_refused(job_of: JobOf, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(gradient_checkpointing=True)
    with pytest.raises(ValueError, match="cannot checkpoint gradients"):
        train(job, ALONE)
    switched = []
    monkeypatch.setattr("tests.fakes.TinyNetwork.enable_gradient_checkpointing", lambda self: switched.append(True), raising=False)
    train(job, ALONE)
    assert switched == [True]


def test_sampling_grids_show_the_averaged_weights_at_the_steps_asked_for(job_of: JobOf) -> None:
    job = job_of(picture_every=3)
    train(job, ALONE)
    pictures = sorted(path.name for path in job.pictures.iterdir())
    assert pictures == ["step-00000003.png", "step-00000006.png", "step-00000007.png"]
    assert decode_image((job.pictures / pictures[0]).read_bytes()).shape == (SIDE, 4 * SIDE, 3)


def test_a_loss_that_is_not_finite_stops_before_it_is_saved(job_of: JobOf) -> None:
    job = job_of(learning_rate=1e30, warmup_steps=0, max_gradient_norm=1e30, steps=30)
    with pytest.raises(ValueError, match=r"loss of step \d+ is not finite"):
        train(job, ALONE)
    saved = latest_checkpoint(job.checkpoints)
    assert saved is None or all(np.isfinite(row["loss"]) for row in read_history(job.history))


def test_a_batch_too_small_for_the_workers_is_refused(job_of: JobOf) -> None:
    with pytest.raises(ValueError, match="batch_size 4 is less than"):
        train(job_of(gradient_accumulation=5), ALONE)


def test_damaged_data_names_shard_and_sample(job_of: JobOf) -> None:
    job = job_of()
    shard: Path = job.data["render"][0].path
    data = bytearray(shard.read_bytes())
    data[data.index(b"\x89PNG") + 20 : data.index(b"\x89PNG") + 60] = b"\0" * 40
    shard.write_bytes(data)
    with pytest.raises(ValueError, match=rf"{shard.name}: sample 'asset_0_0'.*front"):
        train(replace(job, run=job.run.model_copy(update={"steps": 11})), ALONE)
