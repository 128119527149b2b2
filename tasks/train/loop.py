"""The one training loop. It knows a `Recipe` and nothing else of any model; every step is a function of (weights, seed, step)."""

from collections.abc import Callable
from contextlib import nullcontext
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_specs.ids import seed_from
from models.image_codec import encode_png
from tasks.artefacts import write_atomic
from tasks.kept_memory import keep_freed_memory
from tasks.tracking import RunLog
from tasks.train.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from tasks.train.ema import Ema, trainable
from tasks.train.history import History, Row
from tasks.train.job import TrainJob
from tasks.train.loader import Loader, MicroBatch
from tasks.train.sharding import whole
from tasks.train.state import LossModule, TrainState
from tasks.train.worker import Worker, to_device

LOG_EVERY = 10
"""Steps between two exchanges of losses among workers."""

Report = Callable[[Row], None]


def train(job: TrainJob, worker: Worker, report: Report = lambda row: None) -> None:
    """Train to the last step, from the newest checkpoint in `job.checkpoints` if there is one; ends with a checkpoint of the last step.

    report: called by every worker at every checkpoint with the last logged row. Raises ValueError for data or settings that cannot be trained with.
    """
    keep_freed_memory()
    state = new_state(job, worker)
    checkpoint = worker.from_first(latest_checkpoint(job.checkpoints))
    if checkpoint is not None:
        load_checkpoint(checkpoint, state)
    if state.step >= job.run.steps:
        return
    with RunLog(job.tracked if worker.rank == 0 else None) as log:
        _Steps(job, worker, state, log).go(report)


def new_state(job: TrainJob, worker: Worker) -> TrainState:
    """Network, optimiser and average as they are before the first step, on the worker's device. Raises ValueError when nothing trains."""
    torch.manual_seed(seed_from(job.run.seed))
    network = job.recipe.build(job.parents).to(worker.device).train()
    if not trainable(network):
        raise ValueError(f"recipe {job.recipe.name} leaves no parameter to train")
    if job.run.gradient_checkpointing:
        enable = getattr(network, "enable_gradient_checkpointing", None)
        if enable is None:
            raise ValueError(f"the network of recipe {job.recipe.name} cannot checkpoint gradients: set gradient_checkpointing to false")
        enable()
    module = LossModule(job.recipe, job.shown_recipe, network)
    worker.shard(module, getattr(network, "layers", ()), methods=("picture",))
    weights = list(trainable(network).values())
    optimiser = torch.optim.AdamW(weights, lr=job.run.learning_rate, weight_decay=job.run.weight_decay)
    return TrainState(module, optimiser, Ema(network, job.run.ema_decay) if job.run.ema_decay else None)


class _Steps:
    """The steps of one process from `state.step` to the end."""

    def __init__(self, job: TrainJob, worker: Worker, state: TrainState, log: RunLog) -> None:
        self.job, self.run, self.worker, self.state, self.log = job, job.run, worker, state, log
        self.parts = worker.world * self.run.gradient_accumulation
        if self.run.batch_size < self.parts:
            raise ValueError(f"batch_size {self.run.batch_size} is less than workers x gradient_accumulation = {self.parts}")
        self.loader = Loader(job.recipe, job.data, self.run.batch_size, job.seed)
        self.history = History(job.history, worker, state.step)
        self._check_parts()
        self.module = worker.wrap(state.module)

    def go(self, report: Report) -> None:
        row: Row = {}
        for _, parts in groupby(self._stream(), key=lambda micro: micro.step):
            self._optimise(list(parts))
            step, last = self.state.step, self.state.step == self.run.steps
            save = last or step % self.run.checkpoint_every == 0
            if save or step == 1 or step % LOG_EVERY == 0:
                rows = self.history.flush()
                self.log.metrics(rows)
                row = rows[-1]
            draws = last or (self.run.picture_every > 0 and step % self.run.picture_every == 0)
            if save or draws:
                self.worker.average_buffers(self.state.network)
            if draws:
                self._picture()
            if save:
                self._save()
                report(row)

    def _stream(self) -> Any:
        first = self.worker.rank * self.run.gradient_accumulation
        numbers = range(first, first + self.run.gradient_accumulation)
        wanted = ((step, number) for step in range(self.state.step, self.run.steps) for number in numbers)
        return self.loader.stream(wanted, self.parts, self.job.threads)

    def _optimise(self, micros: list[MicroBatch]) -> None:
        """One step of the optimiser on the mean loss over the global batch."""
        state, step = self.state, self.state.step + 1
        rate = self.run.learning_rate * min(1.0, step / max(1, self.run.warmup_steps))
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        state.optimiser.zero_grad(set_to_none=True)
        for micro in micros:
            self._accumulate(micro, step, last=micro is micros[-1])
        norm = self._clip()
        state.optimiser.step()
        state.step = step
        if state.ema is not None:
            state.ema.update(state.network, step)
        self.history.note(step, {"gradient_norm": norm, "learning_rate": rate})

    def _accumulate(self, micro: MicroBatch, step: int, last: bool) -> None:
        # A network that draws from torch's own generator (dropout) then also repeats after a resume.
        torch.manual_seed(seed_from(self.job.seed, micro.step, *micro.rng.places[:1] if micro.rng.places else ()))
        with self.worker.synchronised(self.module, last):
            with torch.autocast(self.worker.device.type, torch.bfloat16, enabled=self.run.precision == "bf16"):
                loss, parts = self.module(to_device(micro.batch, self.worker.device), micro.rng)
            # Workers' gradients are averaged: weigh each part by its samples to get the mean over the global batch.
            (loss * (micro.samples * self.worker.world / self.run.batch_size)).backward()
        self.history.note(step, {"loss": loss, **parts}, micro.samples)

    def _clip(self) -> Tensor:
        """Scale gradients down to the largest norm allowed, over all weights of all workers; returns the norm before."""
        weights = list(trainable(self.state.network).values())
        norm = whole(torch.nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None]))
        torch.nn.utils.clip_grads_with_norm_(weights, self.run.max_gradient_norm, norm)
        return norm

    def _check_parts(self) -> None:
        """Workers that share out weights gather them together: each must pass through the network as often as the others."""
        parts = [self.loader.batches.part(0, number, self.parts).positions for number in range(self.parts)] if self.worker.sharded else []
        lacking = next((word for part in parts for word, taken in part.items() if not taken), None)
        if lacking:
            raise ValueError(f"train.strategy fsdp: every worker needs samples of every source in a step; one has no {lacking}: raise batch_size")

    def _picture(self) -> None:
        if self.worker.rank > 0 and not self.worker.sharded:
            return
        picture = draw(self.job, self.state, self.worker.device)
        if self.worker.rank == 0:
            path = self.job.pictures / f"step-{self.state.step:08d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, encode_png(picture))
            self.log.file(path, "pictures")

    def _save(self) -> None:
        if self.worker.rank > 0 and not self.worker.sharded:
            return
        record = {
            "run": self.job.id,
            "seed": self.job.seed,
            "positions": {word: count * self.state.step for word, count in self.loader.batches.counts.items()},
            "learning_rate": self.state.optimiser.param_groups[0]["lr"],
            "tracked": self.job.tracked.run_id if self.job.tracked else None,
        }
        save_checkpoint(self.job.checkpoints, self.state, record, writes=self.worker.rank == 0)


@torch.no_grad()
def draw(job: TrainJob, state: TrainState, device: torch.device) -> np.ndarray:
    """A sampling grid of the averaged weights (or the weights, without an average): (H, W, 3) uint8; the same noise at every step."""
    micro = Loader(job.shown_recipe, job.shown, job.shown_samples, job.seed).read(0)
    state.network.eval()
    try:
        with state.ema.swapped(state.network) if state.ema else nullcontext():
            return state.module.picture(to_device(micro.batch, device), micro.rng)
    finally:
        state.network.train()
