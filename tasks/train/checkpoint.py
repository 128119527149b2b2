"""Checkpoints: everything needed to go on as if nothing had happened, independent of the number of workers.

A checkpoint is a folder `step-00000100` with `weights.safetensors` (what trains, and persistent buffers), `ema.safetensors`,
`optimiser.safetensors` (by parameter name) and `state.json`. All randomness is a function of (seed, step), so those two are the generator's state.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from tasks.artefacts import sync_folder, write_atomic
from tasks.train.ema import trainable
from tasks.train.sharding import fill, spread_as, whole
from tasks.train.state import TrainState

FORMAT = 1
KEEP = 2
NAME = re.compile(r"step-(\d{8})")


def save_checkpoint(folder: Path, state: TrainState, record: dict[str, Any], writes: bool = True) -> Path:
    """Write `folder/step-<n>` atomically and leave only the newest `KEEP`; `record` (plain data) goes into `state.json`.

    writes: a worker that only takes part, as all must where weights are spread over them, says no.
    """
    target = folder / f"step-{state.step:08d}"
    partial = folder / f".{target.name}.partial"
    if writes:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    for name, tensors in _tensors(state).items():
        gathered = _gathered(tensors, writes)
        if writes:
            write_atomic(partial / f"{name}.safetensors", save(gathered))
    if writes:
        described = {"format": FORMAT, "step": state.step, **record}
        write_atomic(partial / "state.json", json.dumps(described, indent=1, sort_keys=True).encode())
        _put_in_place(partial, target)
    return target


def _gathered(tensors: dict[str, Tensor], keep: bool) -> dict[str, Tensor]:
    """Whole tensors on the CPU, one gathered after the other; none where they are not kept."""
    gathered = {}
    for key, value in tensors.items():
        full = whole(value.detach())
        if keep:
            gathered[key] = full.cpu().contiguous()
    return gathered


def _put_in_place(partial: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)
    sync_folder(target.parent)
    for old in _complete(target.parent)[:-KEEP]:
        shutil.rmtree(old)


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint in `folder`, or None."""
    return next(reversed(_complete(folder)), None)


def read_record(checkpoint: Path) -> dict[str, Any]:
    """The plain data of a checkpoint. Raises ValueError when it is unreadable or of another format."""
    path = checkpoint / "state.json"
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"checkpoint {path} cannot be read ({error}): remove {checkpoint} to go on from the one before") from None
    if record.get("format") != FORMAT:
        raise ValueError(f"checkpoint {path} has format {record.get('format')}, expected {FORMAT}: remove {checkpoint.parent} to start again")
    return record


def load_checkpoint(checkpoint: Path, state: TrainState) -> dict[str, Any]:
    """Restore `state` in place and return the checkpoint's plain data.

    Raises ValueError when a file is damaged or its tensors are not those of the network.
    """
    record = read_record(checkpoint)
    _restore(_read(checkpoint / "weights.safetensors"), _weights(state.network), checkpoint)
    if state.ema is not None:
        _restore(_read(checkpoint / "ema.safetensors"), state.ema.shadow, checkpoint)
    _restore_optimiser(_read(checkpoint / "optimiser.safetensors"), state)
    state.step = int(record["step"])
    return record


def _tensors(state: TrainState) -> dict[str, dict[str, Tensor]]:
    moments = {
        f"{name}/{key}": value for name, weight in trainable(state.network).items() for key, value in state.optimiser.state.get(weight, {}).items()
    }
    average = {} if state.ema is None else {"ema": state.ema.shadow}
    return {"weights": _weights(state.network), "optimiser": moments, **average}


def _weights(network: nn.Module) -> dict[str, Tensor]:
    persistent = network.state_dict(keep_vars=True)
    buffers = {name: persistent[name] for name, _ in network.named_buffers() if name in persistent}
    return {**trainable(network), **buffers}


def _restore(read: dict[str, Tensor], target: dict[str, Tensor], checkpoint: Path) -> None:
    strange = sorted(set(read) ^ set(target)) or [name for name in read if read[name].shape != target[name].shape]
    if strange:
        raise ValueError(f"{checkpoint} does not belong to this network: {strange[0]!r} differs; remove {checkpoint.parent} to start again")
    for name, value in read.items():
        fill(target[name], value)


def _restore_optimiser(read: dict[str, Tensor], state: TrainState) -> None:
    weights = trainable(state.network)
    places = {name: place for place, name in enumerate(weights)}
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in read.items():
        name, _, moment = key.rpartition("/")
        if name not in places:
            raise ValueError(f"the checkpoint has optimiser state for {name!r}, which does not train")
        moments.setdefault(places[name], {})[moment] = spread_as(value, weights[name]) if value.ndim else value
    state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": moments})


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"checkpoint {path} cannot be read ({error}): remove {path.parent} to go on from the one before") from None


def _complete(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name)) if folder.is_dir() else []
