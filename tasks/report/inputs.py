"""What the panels read: manifests, samples, runs and metrics of one size; each is read once."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from data_specs.manifest import Manifest
from data_specs.params import Params
from tasks.artefacts import Workspace
from tasks.sample_lookup import SampleLookup

DATA_WORDS = ("assets", "render", "matched_real", "align", "shards", "features")


class MissingError(Exception):
    """Something that a panel shows has not been made yet; the text says what and how to make it."""


class Inputs:
    """The outputs of all stages of a size. Whatever is not there raises `MissingError` when it is asked for."""

    def __init__(self, workspace: Workspace, params: Params) -> None:
        self.workspace, self.params = workspace, params
        self._lookups: dict[str, SampleLookup] = {}

    def lookup(self, word: str) -> SampleLookup:
        """The data set of a stage."""
        if word not in self._lookups:
            self._require(self.workspace.folder(word) / "manifest.json", word)
            self._lookups[word] = SampleLookup(self.workspace.folder(word))
        return self._lookups[word]

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """The manifests there are, in the order of the stages."""
        there = [word for word in DATA_WORDS if (self.workspace.folder(word) / "manifest.json").is_file()]
        return {word: self.lookup(word).manifest for word in there}

    @cached_property
    def runs(self) -> dict[str, dict[str, Any]]:
        """Name -> `run.json` of every trained run, in training order."""
        folder = self.workspace.folder("train")
        records = {name: folder / name / "run.json" for name in self.params.train.sequence}
        return {name: json.loads(path.read_bytes()) for name, path in records.items() if path.is_file()}

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """`metrics.json` of the evaluation."""
        path = self.workspace.folder("evaluate") / "metrics.json"
        self._require(path, "evaluate")
        return json.loads(path.read_bytes())

    @cached_property
    def suites(self) -> dict[str, dict[str, Any]]:
        """Name -> `metrics.json` of every suite that has been evaluated, by name."""
        records = {path.parent.name: json.loads(path.read_bytes()) for path in sorted(self.workspace.folder("evaluate").glob("*/metrics.json"))}
        return {name: record for name, record in records.items() if "suite" in record}

    @cached_property
    def tuning(self) -> dict[str, Any] | None:
        """`metrics.json` of the tuning, None where there was none."""
        path = self.workspace.folder("evaluate") / "tuning" / "metrics.json"
        return json.loads(path.read_bytes()) if path.is_file() else None

    def run_folder(self, name: str) -> Path:
        """Where a run's model, curve and pictures are."""
        return self.workspace.folder("train") / name

    def _require(self, path: Path, word: str) -> None:
        if not path.is_file():
            raise MissingError(
                f"`{word}` has not been run for the size {self.workspace.size}: `atelier3d {word} --size {self.workspace.size}` makes it."
            )
