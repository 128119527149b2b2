"""One cell of a suite: a row at a seed. Sampled and measured once; a killed suite goes on with the batch it was at."""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data_specs.ids import content_id
from data_specs.params import EvaluateParams
from data_specs.suite import Suite, SuiteRow
from tasks.artefacts import Workspace, write_atomic
from tasks.evaluate.evaluation import NO_MATTER, read_trained
from tasks.evaluate.samples import Mode, SampleFolder, Sampler
from tasks.evaluate.subjects import Subject
from tasks.evaluate.suite_measures import SuiteMeasures

VERSION = 1
"""Raised by hand when the same model and seed would give other pictures."""

NOT_SAMPLED = NO_MATTER | {"run", "layer_share", "time_threshold", "embedder"}
"""Settings that do not change a row's pictures: stored ones are found by the others."""


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

    def fill(self, measures: SuiteMeasures, samplers: Samplers) -> dict[str, Any]:
        """Sample what is missing and measure it, unless that has been done; returns what was measured."""
        path = self._measured(measures)
        if not path.is_file():
            pictures = self.pictures(measures)
            if self.source:
                self.source.fill(measures, samplers)
            pictures.fill(measures.subjects, self.mode, self.params.batch_size, self._sampler(measures, samplers), lambda done: None)
            found = measures.measure([pictures.read(subject, self.mode) for subject in measures.subjects])
            write_atomic(path, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode())
        return json.loads(path.read_bytes())

    def measured(self, measures: SuiteMeasures) -> dict[str, Any] | None:
        """What was measured, None when that has not been done."""
        path = self._measured(measures)
        return json.loads(path.read_bytes()) if path.is_file() else None

    def pictures(self, measures: SuiteMeasures) -> SampleFolder:
        """Where the views of every subject are."""
        return SampleFolder(self._folder / content_id(self._identity(measures)))

    def _measured(self, measures: SuiteMeasures) -> Path:
        return self.pictures(measures).folder / f"measured-{content_id(measures.identity)}.json"

    def _identity(self, measures: SuiteMeasures) -> dict[str, Any]:
        return {
            "version": VERSION,
            "weights_sha256": self.weights,
            "seed": self.seed,
            "shifting": [self.row.layer_share, self.row.time_threshold],
            "refined": [self.source._identity(measures), measures.identity["base"]] if self.source else None,
            "data": measures.identity["data"],
            "assets": measures.identity["assets"],
            "settings": self.params.model_dump(mode="json", exclude=NOT_SAMPLED),
        }

    def _sampler(self, measures: SuiteMeasures, samplers: Samplers) -> Sampler:
        if self.source is None:
            return samplers.method(self.run, self.seed)
        source = self.source

        def refine(subjects: list[Subject], mode: Mode) -> list[np.ndarray]:
            views = [source.pictures(measures).read(subject, source.mode) for subject in subjects]
            return samplers.refine(views, subjects, mode.time_threshold, self.seed)

        return refine


def suite_cell(workspace: Workspace, params: EvaluateParams, suite: Suite, row: SuiteRow, seed: int) -> Cell:
    """The cell of a suite's row. Raises ValueError when its model is not there."""
    if row.of:
        return Cell(workspace, params, row, seed, suite_cell(workspace, params, suite, suite.row(row.of), seed))
    return Cell(workspace, params, row.model_copy(update={"run": suite.run_name(row.run, seed)}), seed)
