"""Checkpoints on disk: complete or absent, two of them, refused when they do not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tasks.train.checkpoint import latest_checkpoint, load_checkpoint, read_record, save_checkpoint
from tasks.train.job import TrainJob
from tasks.train.loop import new_state
from tasks.train.state import TrainState
from tasks.train.worker import Worker

ALONE = Worker(0, 1, torch.device("cpu"))
JobOf = Callable[..., TrainJob]


def stepped(state: TrainState, steps: int = 1) -> TrainState:
    """A state after some steps in which one branch gets no gradient."""
    for _ in range(steps):
        state.optimiser.zero_grad()
        state.network(torch.randn(2, 3, 8, 8), False).square().mean().backward()
        state.optimiser.step()
        state.step += 1
    return state


def test_only_what_trains_and_what_changes_is_saved(job_of: JobOf, tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, stepped(new_state(job_of(), ALONE)), {"run": "a"})
    assert {path.name for path in saved.iterdir()} == {"weights.safetensors", "ema.safetensors", "optimiser.safetensors", "state.json"}
    loaded = new_state(job_of(), ALONE).network.state_dict()
    weights = load_file(saved / "weights.safetensors")
    assert {"head.2.weight", "branch.bias", "head.0.running_mean", "head.0.num_batches_tracked"} <= set(weights) < set(loaded)
    assert not [name for name in weights if name.startswith("stem")]
    moments = load_file(saved / "optimiser.safetensors")
    assert {name.split("/")[1] for name in moments} == {"exp_avg", "exp_avg_sq", "step"}
    assert not [name for name in moments if name.startswith("branch")]


def test_a_state_comes_back_exactly(job_of: JobOf, tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = stepped(new_state(job_of(), ALONE), steps=3)
    state.ema.update(state.network, 3)
    save_checkpoint(tmp_path, state, {"run": "a"})
    again = new_state(job_of(), ALONE)
    assert load_checkpoint(latest_checkpoint(tmp_path), again)["run"] == "a"
    assert again.step == 3
    for one, other in zip(state.network.state_dict().values(), again.network.state_dict().values()):
        assert torch.equal(one, other)
    assert all(torch.equal(state.ema.shadow[name], again.ema.shadow[name]) for name in state.ema.shadow)
    ours, theirs = (one.optimiser.state_dict()["state"] for one in (state, again))
    assert ours.keys() == theirs.keys() and len(ours) == 2
    assert all(torch.equal(ours[number][key], theirs[number][key]) for number in ours for key in ours[number])


def test_two_are_kept_and_half_written_ones_are_not_seen(job_of: JobOf, tmp_path: Path) -> None:
    state = new_state(job_of(), ALONE)
    assert latest_checkpoint(tmp_path / "missing") is None
    for _ in range(4):
        save_checkpoint(tmp_path, stepped(state), {})
    (tmp_path / ".step-00000009.partial").mkdir()
    (tmp_path / ".step-00000009.partial" / "weights.safetensors").write_bytes(b"half")
    assert latest_checkpoint(tmp_path).name == "step-00000004"
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000003", "step-00000004"]
    state.step = 8
    save_checkpoint(tmp_path, stepped(state), {})
    assert not list(tmp_path.glob(".*"))


def test_another_network_a_damaged_file_and_another_format_are_refused(job_of: JobOf, tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, stepped(new_state(job_of(), ALONE)), {})
    with pytest.raises(ValueError, match=r"does not belong to this network: 'head\.0"):
        load_checkpoint(saved, new_state(job_of(config={"plain": True}), ALONE))
    weights = saved / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"weights\.safetensors cannot be read"):
        load_checkpoint(saved, new_state(job_of(), ALONE))
    (saved / "state.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ValueError, match="has format 99, expected 1"):
        read_record(saved)
    (saved / "state.json").write_text("{")
    with pytest.raises(ValueError, match=r"state\.json cannot be read"):
        read_record(saved)
