"""The plan: sizes against counting by hand, and honest about what is not known."""

import pytest
import torch
from torch import nn

from tasks.artefacts import Workspace
from tasks.train.job import make_job
from tasks.train.loop import train
from tasks.train.plan import describe, plan_job, plan_run
from tasks.train.worker import Worker
from tests.fakes import TinyNetwork, TinyRecipe, train_params


def test_sizes_are_those_of_the_network(workspace: Workspace) -> None:
    params = train_params(batch_size=8, steps=21)
    plan = plan_run(workspace, params, "first")
    network = TinyNetwork()
    trained = sum(weight.numel() for weight in [*network.head.parameters(), *network.branch.parameters()])
    everything = sum(weight.numel() for weight in network.parameters())
    assert (plan.trained, plan.parameters) == (trained, everything) == (30, 142)
    assert {name: plan.memory[name] for name in ("weights", "gradients", "optimiser", "average")} == {
        "weights": 4 * everything, "gradients": 4 * trained, "optimiser": 8 * trained, "average": 4 * trained,
    }  # fmt: skip
    assert plan.checkpoint_bytes == 4 * 4 * trained
    assert plan.epochs == {"render": pytest.approx(4.0), "matched_real": pytest.approx(4.0)}
    assert plan.step_seconds is not None and 0 < plan.step_seconds < 5


def test_activations_are_what_the_backward_pass_keeps(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A linear layer keeps its input, here a view into pictures of 3 x 64 float32; a square keeps its argument, 64 float32."""

    class Squared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(64, 64)

        def forward(self, picture: torch.Tensor, _: bool) -> torch.Tensor:
            return self.layer(picture[:, 0].flatten(1)).square()

    monkeypatch.setattr(TinyRecipe, "build", lambda self, parents: Squared())
    monkeypatch.setattr(TinyRecipe, "loss", lambda self, network, batch, rng: (network(batch["clean"], True).mean(), {}))
    per_worker = {workers: plan_run(workspace, train_params(batch_size=8, workers=workers), "first") for workers in (1, 2)}
    assert per_worker[1].memory["activations"] == 8 * (3 * 64 + 64) * 4
    assert per_worker[2].memory["activations"] == 4 * (3 * 64 + 64) * 4
    assert per_worker[2].memory["gradients"] == 2 * per_worker[1].memory["gradients"]


def test_what_cannot_be_known_is_said(workspace: Workspace) -> None:
    params = train_params()
    missing = plan_run(Workspace(workspace.root / "empty", "tiny"), params, "first")
    assert missing.parameters is None
    assert "time        not known yet" in describe(missing) and "atelier3d render" in describe(missing)
    on_gpu = params.train.model_copy(update={"gpus_per_worker": 1, "workers": 2})
    plan = plan_job(make_job(workspace, params, "first"), on_gpu)
    assert plan.step_seconds is None and "time shows in the first steps on the workers" in describe(plan)


def test_a_resumed_run_counts_what_is_left(workspace: Workspace) -> None:
    params = train_params(steps=7)
    job = make_job(workspace, params, "first")
    train(job, Worker(0, 1, torch.device("cpu")))
    text = describe(plan_job(job, params.train))
    assert "7 steps x 4 = 28 samples" in text and "7 done" in text and "about 0 s" in text
    assert "30 train of 142" in text and "one every 2 steps" in text
