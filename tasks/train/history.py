"""The log of a run's steps: losses averaged over all workers, one JSON line per step, without gap or repetition after a resume."""

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tasks.train.worker import Worker

Row = dict[str, Any]
TAIL_BYTES = 65536
"""More than the longest row."""


class History:
    """Collects the values of steps on the device and writes them now and then, so that a step does not wait for the device."""

    def __init__(self, path: Path, worker: Worker, step: int) -> None:
        """Continue the file at `path` after `step`: what a killed run wrote beyond its checkpoint is dropped."""
        self.path, self.worker = path, worker
        self._notes: list[tuple[int, str, float]] = []
        self._values: list[Tensor] = []
        if worker.rank == 0:
            kept = [row for row in read_history(path) if row["step"] <= step]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in kept))

    def note(self, step: int, values: Mapping[str, Tensor | float], weight: float = 1.0) -> None:
        """Keep values of a step; those of equal name are averaged by weight (samples) over parts and workers."""
        for name, value in values.items():
            self._notes.append((step, name, weight))
            self._values.append(torch.as_tensor(value).detach().double())

    def flush(self) -> list[Row]:
        """Average over workers, append to the file, and return the rows; every worker must call it at the same steps.

        Raises ValueError when a loss is not finite.
        """
        numbers = torch.stack([value.cpu() for value in self._values]).tolist() if self._values else []
        own = [(*note, number) for note, number in zip(self._notes, numbers)]
        self._notes, self._values = [], []
        rows = _average([entry for entries in self.worker.gather(own) for entry in entries])
        broken = [row["step"] for row in rows if not math.isfinite(row["loss"])]
        if broken:
            raise ValueError(f"the loss of step {broken[0]} is not finite: lower the learning rate, lengthen the warm-up or use fp32")
        if self.worker.rank == 0:
            with self.path.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        return rows


def read_history(path: Path) -> list[Row]:
    """The rows written so far; a line that a killed process left unfinished is passed over."""
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def last_row(path: Path) -> Row | None:
    """The newest complete row, read from the end of the file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
        return json.loads(lines[-1]) if lines else None
    except (OSError, ValueError):
        return None  # not there yet, or being rewritten by a worker that resumes


def as_csv(rows: list[Row]) -> str:
    """A table with a column per value, in order of first appearance; numbers in full precision."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _average(entries: list[tuple[int, str, float, float]]) -> list[Row]:
    sums: dict[tuple[int, str], tuple[float, float]] = {}
    for step, name, weight, value in entries:
        total, weights = sums.get((step, name), (0.0, 0.0))
        sums[step, name] = (total + weight * value, weights + weight)
    rows: dict[int, Row] = {}
    for (step, name), (total, weights) in sums.items():
        rows.setdefault(step, {"step": step})[name] = total / weights
    return [rows[step] for step in sorted(rows)]
