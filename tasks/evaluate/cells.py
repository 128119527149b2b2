"""One cell of a suite: a row at a seed. Sampled and measured once; a killed suite goes on with the batch it was at."""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data_specs.ids import content_id
from data_specs.params import EvaluateParams
from data_specs.suite import Suite, SuiteRow
from tasks.artefacts import Workspace, write_atomic
from tasks.evaluate.bench import Bench
from tasks.evaluate.evaluation import NO_MATTER, read_trained
from tasks.evaluate.samples import Mode, SampleFolder, Sampler
from tasks.evaluate.subjects import Subject

VERSION = 1
"""Raised by hand when the same model and seed would give other pictures."""

NOT_SAMPLED = NO_MATTER | {"run", "layer_share", "time_threshold", "embedder"}
"""Settings that do not change a row's pictures."""


class Samplers(Protocol):
    """What makes the pictures of rows."""

    def base(self) -> Sampler:
        """The base alone: four pictures for each caption."""
        ...

    def method(self, run: str, seed: int) -> Sampler:
        """A trained run."""
        ...

    def refine(self, views: list[np.ndarray], subjects: list[Subject], start: int, seed: int) -> list[np.ndarray]:
        """SDEdit by the base: views (V, H, W, 3) uint8 of each subject, noised to timestep `start` and denoised tile by tile."""
        ...


class Cell:
    """Pictures of a row at a seed in `runs/<size>/evaluate/<hash>`, and what was measured on them."""

    def __init__(self, workspace: Workspace, params: EvaluateParams, row: SuiteRow, seed: int = 0, source: "Cell | None" = None) -> None:
        """row: its `run` is the name of a training run. source: whose pictures a row refines. Raises ValueError when the model is not there."""
        self.params, self.row, self.seed, self.source = params, row, seed, source
        self.run: str = source.run if source else row.run
        self.weights = read_trained(workspace, self.run)["weights_sha256"]
        self.mode = Mode("views", row.title, row.layer_share, row.time_threshold)
        self._folder = workspace.runs / "evaluate"

    def fill(self, bench: Bench, samplers: Samplers) -> dict[str, Any]:
        """Sample what is missing and measure it, unless that has been done; returns what was measured."""
        path = self._measured(bench)
        if not path.is_file():
            pictures = self.pictures(bench)
            if self.source:
                self.source.fill(bench, samplers)
            pictures.fill(bench.subjects, self.mode, self.params.batch_size, self._sampler(bench, samplers), lambda done: None)
            found = bench.measure([pictures.read(subject, self.mode) for subject in bench.subjects])
            write_atomic(path, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode())
        return json.loads(path.read_bytes())

    def measured(self, bench: Bench) -> dict[str, Any] | None:
        """What was measured, None when that has not been done."""
        path = self._measured(bench)
        return json.loads(path.read_bytes()) if path.is_file() else None

    def pictures(self, bench: Bench) -> SampleFolder:
        """Where the views of every subject are."""
        return SampleFolder(self._folder / content_id(self._identity(bench)))

    def _measured(self, bench: Bench) -> Path:
        return self.pictures(bench).folder / f"measured-{content_id(bench.identity)}.json"

    def _identity(self, bench: Bench) -> dict[str, Any]:
        return {
            "version": VERSION,
            "weights_sha256": self.weights,
            "seed": self.seed,
            "shifting": [self.row.layer_share, self.row.time_threshold],
            "refined": [self.source._identity(bench), bench.identity["base"]] if self.source else None,
            "data": bench.identity["data"],
            "assets": bench.identity["assets"],
            "settings": self.params.model_dump(mode="json", exclude=NOT_SAMPLED),
        }

    def _sampler(self, bench: Bench, samplers: Samplers) -> Sampler:
        if self.source is None:
            return samplers.method(self.run, self.seed)
        source = self.source

        def refine(subjects: list[Subject], mode: Mode) -> list[np.ndarray]:
            views = [source.pictures(bench).read(subject, source.mode) for subject in subjects]
            return samplers.refine(views, subjects, mode.time_threshold, self.seed)

        return refine


def suite_cell(workspace: Workspace, params: EvaluateParams, suite: Suite, row: SuiteRow, seed: int) -> Cell:
    """The cell of a suite's row. Raises ValueError when its model is not there."""
    if row.of:
        return Cell(workspace, params, row, seed, suite_cell(workspace, params, suite, suite.row(row.of), seed))
    return Cell(workspace, params, row.model_copy(update={"run": suite.run_name(row.run, seed)}), seed)
