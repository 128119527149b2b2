"""What a run will take, told before it starts: parameters, memory of each worker, disk, samples, time."""

import math
import time
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from data_specs.ids import canonical_json
from data_specs.params import Params, Strategy, TrainParams, TrainRun
from tasks.artefacts import Workspace
from tasks.train.checkpoint import KEEP, latest_checkpoint, read_record
from tasks.train.ema import trainable
from tasks.train.job import TrainJob, make_job, missing_inputs, run_named
from tasks.train.loader import Loader, MicroBatch
from tasks.train.loop import new_state
from tasks.train.order import batch_counts
from tasks.train.published import is_published
from tasks.train.state import TrainState
from tasks.train.worker import Worker, to_device

MEASURED_STEPS = 2
MEASURED_SAMPLES = 8
LARGEST_MEASURED = 100_000_000
"""Parameters of the largest network that is tried out on the driver when the workers have GPUs."""

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Plan:
    """The plan of one run. Bytes are per worker; None is what cannot be known yet, and `unknown` says why."""

    name: str
    run: TrainRun
    workers: int
    done: int = 0
    parameters: int | None = None
    trained: int | None = None
    memory: dict[str, int] = field(default_factory=dict)
    checkpoint_bytes: int | None = None
    epochs: dict[str, float] = field(default_factory=dict)
    step_seconds: float | None = None
    unknown: tuple[str, ...] = ()


def plan_run(workspace: Workspace, params: Params, name: str) -> Plan:
    """Plan a run by name, with what is there already; never raises for missing data or parents. ValueError for an unknown name."""
    run = run_named(params, name)
    try:
        return plan_job(make_job(workspace, params, name), params.train)
    except ValueError as error:
        missing = missing_inputs(workspace, params, name) or [str(error)]
        return Plan(name, run, max(1, params.train.workers), unknown=tuple(missing))


def plan_job(job: TrainJob, params: TrainParams) -> Plan:
    """Plan a run: sizes from its network, activations and time from a few small steps on this machine where that is telling."""
    state = new_state(job, Worker(0, 1, CPU))
    loader = Loader(job.recipe, job.data, job.run.batch_size, job.seed)
    everything, trained = list(state.network.parameters()), list(trainable(state.network).values())
    workers = max(1, params.workers)
    checkpoint = latest_checkpoint(job.checkpoints)
    plan = Plan(
        name=job.name,
        run=job.run,
        workers=workers,
        done=read_record(checkpoint)["step"] if checkpoint else 0,
        parameters=sum(weight.numel() for weight in everything),
        trained=sum(weight.numel() for weight in trained),
        memory=memory_parts(job.run, workers, params.strategy, _bytes(everything), _bytes(trained)),
        checkpoint_bytes=_bytes(trained) * (4 if state.ema else 3),
        epochs={word: count * job.run.steps / _samples(job, word) for word, count in batch_counts(job.recipe.sources, job.run.batch_size).items()},
    )
    if params.gpus_per_worker and (plan.parameters or 0) > LARGEST_MEASURED:
        return replace(plan, unknown=("activations and time show in the first steps on the workers",))
    return _measured(plan, job, state, loader, on_gpu=params.gpus_per_worker > 0)


def time_left(workspace: Workspace, params: Params, names: list[str]) -> dict[str, tuple[int, float | None]]:
    """Name -> steps still to train and seconds of one on this machine, None where a parent must be trained before that can be measured.

    Runs that differ in seed, steps or parents only are measured once.
    """
    measured: dict[str, float | None] = {}
    found: dict[str, tuple[int, float | None]] = {}
    for name in names:
        run = run_named(params, name)
        kind = canonical_json(run.model_dump(mode="json", exclude={"seed", "steps", "parents"}))
        if measured.get(kind) is None:
            measured[kind] = plan_run(workspace, params, name).step_seconds
        found[name] = (run.steps - steps_done(workspace, params, name), measured[kind])
    return found


def steps_done(workspace: Workspace, params: Params, name: str) -> int:
    """Steps of a run that need not be trained again: all of a published one, those of the last checkpoint else; 0 before its parents are there."""
    try:
        job = make_job(workspace, params, name)
    except ValueError:
        return 0
    if is_published(job.output, job.id, workspace.runs / "train"):
        return job.run.steps
    checkpoint = latest_checkpoint(job.checkpoints)
    return read_record(checkpoint)["step"] if checkpoint else 0


def describe(plan: Plan) -> str:
    """The plan for people, a line each."""
    run = plan.run
    samples = f"{run.steps} steps x {run.batch_size} = {run.steps * run.batch_size:,} samples"
    epochs = ", ".join(f"{epochs:.2g} epochs of {word}" for word, epochs in plan.epochs.items())
    lines = [f"train {plan.name} ({run.recipe}, {plan.workers} worker{'s' * (plan.workers > 1)}, {run.precision})"]
    lines.append(f"  steps       {samples}" + (f" ({epochs})" if epochs else "") + (f", {plan.done} done" if plan.done else ""))
    if plan.parameters is not None and plan.trained is not None and plan.checkpoint_bytes is not None:
        parts = ", ".join(f"{name} {_size(size)}" for name, size in plan.memory.items())
        lines.append(f"  parameters  {plan.trained:,} train of {plan.parameters:,}")
        lines.append(f"  memory      about {_size(sum(plan.memory.values()))} per worker: {parts}")
        lines.append(f"  checkpoints {KEEP} x {_size(plan.checkpoint_bytes)}, one every {run.checkpoint_every} steps")
    left = None if plan.step_seconds is None else plan.step_seconds * (run.steps - plan.done)
    lines.append("  time        " + ("not known yet" if left is None else f"about {_duration(left)} ({plan.step_seconds:.2g} s a step)"))
    return "\n".join([*lines, *(f"  unknown     {reason}" for reason in plan.unknown)])


def _measured(plan: Plan, job: TrainJob, state: TrainState, loader: Loader, on_gpu: bool) -> Plan:
    """Take small steps on a network that is thrown away; sizes and times grow with the samples."""
    own_parts = plan.workers * job.run.gradient_accumulation
    micro = loader.read(0, 0, max(own_parts, math.ceil(job.run.batch_size / MEASURED_SAMPLES)))
    activations = _saved_bytes(job, state, micro) * (job.run.batch_size / own_parts) / micro.samples
    begun = time.perf_counter()
    for _ in range(MEASURED_STEPS):
        state.optimiser.zero_grad()
        _loss(job, state, micro).backward()
        state.optimiser.step()
    seconds = (time.perf_counter() - begun) / MEASURED_STEPS * (job.run.batch_size / plan.workers) / micro.samples
    unknown = ("time shows in the first steps on the workers",) if on_gpu else ()
    memory = {**plan.memory, "activations": int(activations)}
    return replace(plan, memory=memory, step_seconds=None if on_gpu else seconds, unknown=unknown)


def _saved_bytes(job: TrainJob, state: TrainState, micro: MicroBatch) -> int:
    """Bytes that one forward pass keeps for the backward pass, each storage once, weights left out."""
    weights = {weight.untyped_storage().data_ptr() for weight in state.network.parameters()}
    kept: dict[int, int] = {}

    def pack(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        _loss(job, state, micro).backward()
    return sum(kept.values())


def _loss(job: TrainJob, state: TrainState, micro: MicroBatch) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=job.run.precision == "bf16"):
        return job.recipe.loss(state.network, to_device(micro.batch, CPU), micro.rng)[0]


def memory_parts(run: TrainRun, workers: int, strategy: Strategy, everything: int, trained: int) -> dict[str, int]:
    """Bytes of fp32 weights, gradients, AdamW's moments and the average on each worker, activations left out.

    everything, trained: bytes of all weights and of those that train. With fsdp each worker holds its part of them.
    """
    if strategy == "fsdp" and workers > 1:
        everything, trained = -(-everything // workers), -(-trained // workers)
        copies = 1
    else:
        copies = 2 if workers > 1 else 1  # data parallelism keeps a second copy of the gradients in its buckets
    parts = {"weights": everything, "gradients": copies * trained, "optimiser": 2 * trained}
    return parts | ({"average": trained} if run.ema_decay else {})


def _samples(job: TrainJob, word: str) -> int:
    return sum(len(file.keys) for file in job.data[word])


def _bytes(weights: list[nn.Parameter]) -> int:
    return sum(weight.numel() * weight.element_size() for weight in weights)


def _size(count: int) -> str:
    power = min(3, int(math.log(max(count, 1), 1000)))
    return f"{count / 1000**power:.3g} {('B', 'kB', 'MB', 'GB')[power]}"


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if hours < 2 else f"{hours:.1f} h"
