"""Where something comes from, by what is on disk: picture -> run -> weights, settings, commit -> data sets -> shards -> assets -> authors, and back.

Everything is read from `run.json`, the stages' manifests and `metrics.json`; the commit and the MLflow run are added where MLflow knows them.
"""

import json
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

from data_specs.asset import CatalogueLine
from data_specs.manifest import Manifest
from data_specs.shard import ShardRow
from data_specs.weights import load_lock, parse_reference
from tasks.aligned_lineage import some_subjects, trace_subject
from tasks.artefacts import Workspace
from tasks.ledger import read_manifest
from tasks.lineage_tree import Node, credit, draw
from tasks.tracking import Tracker

DATA_WORDS = ("assets", "render", "matched_real", "shards", "features")
NAMED = 3
"""Assets and subjects, at most so many by name in an error."""

COMMIT_TAGS = ("git.revision", "git.dirty", "dvc.lock_sha256")


def lineage(workspace: Workspace, subject: str) -> list[str]:
    """The chain of a run (its name), a picture (its path), an asset or an aligned subject (its id), as lines of a tree.

    Raises ValueError naming what there is when the subject is none of these.
    """
    return draw(Lineage(workspace).trace(subject))


class Lineage:
    """The records of a size. with_commit: ask MLflow for the commits of runs."""

    def __init__(self, workspace: Workspace, with_commit: bool = True) -> None:
        self.workspace, self.with_commit = workspace, with_commit

    @cached_property
    def runs(self) -> dict[str, dict[str, Any]]:
        """Name -> `run.json` of every trained run."""
        folder = self.workspace.folder("train")
        records = sorted(folder.glob("*/run.json")) if folder.is_dir() else []
        return {path.parent.name: json.loads(path.read_bytes()) for path in records}

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """Word -> manifest of the data stages that are on disk."""
        folders = {word: self.workspace.folder(word) for word in DATA_WORDS}
        return {word: read_manifest(folder) for word, folder in folders.items() if (folder / "manifest.json").is_file()}

    @cached_property
    def assets(self) -> dict[str, CatalogueLine]:
        """Id -> catalogue line (source, location, licence, author) of every usable asset."""
        rows = self.manifests["assets"].shards if "assets" in self.manifests else []
        usable = {key for row in rows for key in row.samples}
        lines = [CatalogueLine.model_validate_json(text) for row in rows for text in row.inputs]
        return {line.asset_id: line for line in lines if line.asset_id in usable}

    def licences(self) -> list[tuple[str, str, int]]:
        """(source, licence, assets), most assets first."""
        counts = Counter((line.source, line.licence) for line in self.assets.values())
        return [(source, licence, count) for (source, licence), count in sorted(counts.items(), key=lambda row: (-row[1], row[0]))]

    def trace(self, subject: str) -> Node:
        """The tree of a run, picture, asset or aligned subject. Raises ValueError as `lineage` does."""
        if subject in self.runs:
            return self._run(subject)
        if subject in self.assets:
            return self._asset(self.assets[subject])
        if subject.endswith(".png"):
            return self._picture(Path(subject))
        aligned = self.workspace.folder("align")
        if found := trace_subject(aligned, subject, self.assets, self.runs):
            return found
        there = {"runs": list(self.runs), "assets": _some(sorted(self.assets)), "aligned subjects": _some(some_subjects(aligned, NAMED + 1))}
        names = "; ".join(f"{what} are {', '.join(some) or 'not there yet'}" for what, some in there.items())
        raise ValueError(f"{subject!r} is no run, picture, asset or aligned subject of size {self.workspace.size}: {names}; pictures end in .png")

    def _run(self, name: str, with_data: bool = True) -> Node:
        record = self.runs[name]
        settings = ", ".join(f"{key}={value}" for key, value in record["settings"].items() if value not in ({}, None) and key != "parents")
        children = [Node(f"weights sha256 {record['weights_sha256']}"), Node(f"settings {settings}"), *self._commit(record["id"])]
        children += [self._parent(role, parent, record["parents"][role]) for role, parent in record["settings"].get("parents", {}).items()]
        if with_data:
            children += [self._data(word, digest) for word, digest in self._data_of(record).items()]
        return Node(f"run {name} ({record['id']})", children)

    def _commit(self, run_id: str) -> list[Node]:
        if not self.with_commit:
            return []
        found = Tracker(self.workspace).find(run_id)
        if found is None:
            return [Node("commit unknown: MLflow has no run of this id")]
        run, tags = found
        commit = [Node(f"{name} {tags[name]}") for name in COMMIT_TAGS if name in tags]
        return [*commit, Node(f"MLflow run {run.run_id}")]

    def _parent(self, role: str, name: str, weights: str) -> Node:
        if name in self.runs and self.runs[name]["weights_sha256"] == weights:
            parent = self._run(name, with_data=False)
            return Node(f"{role}: {parent.text}", parent.children)
        if reference := parse_reference(name):
            known = load_lock().get(reference.name) if reference.kind == "hub" else None
            return Node(f"{role}: {name} with weights sha256 {weights}", [Node(f"licence {known.licence} ({known.licence_url})")] if known else [])
        return Node(f"{role}: run {name} with weights sha256 {weights}, which is no longer on disk")

    def _data_of(self, record: dict[str, Any]) -> dict[str, str]:
        """Word -> digest of the data sets that a run read, and of the assets that those were made of."""
        read: dict[str, str] = record["data"]
        known = [self.manifests[word] for word, digest in read.items() if word in self.manifests and self.manifests[word].digest() == digest]
        return read | dict(source for manifest in known for source in manifest.inputs.items() if source[0] == "assets")

    def _data(self, word: str, digest: str) -> Node:
        """A data set and its shards of the training split, those of assets down to authors; only named when it has changed on disk since."""
        manifest = self.manifests.get(word)
        if manifest is None or manifest.digest() != digest:
            return Node(f"data {word} {digest}, no longer on disk (`dvc checkout` of the run's commit brings it back)")
        shards = [row for row in manifest.shards if row.split == "train"]
        text = f"data {word} {digest}: {sum(len(row.samples) for row in shards)} samples in {len(shards)} shards to train on"
        return Node(text, [self._shard(word, row) for row in shards])

    def _shard(self, word: str, row: ShardRow) -> Node:
        text = f"shard {row.file} sha256 {row.sha256}"
        if word == "assets":
            return Node(text, [Node(credit(self.assets[key])) for key in row.samples])
        return Node(f"{text}, made of {', '.join(self._shard_files.get(sha256, sha256) for sha256 in row.inputs)}")

    @cached_property
    def _shard_files(self) -> dict[str, str]:
        """sha256 -> word and file of every shard on disk."""
        return {row.sha256: f"{word}/{row.file}" for word, manifest in self.manifests.items() for row in manifest.shards}

    def _picture(self, path: Path) -> Node:
        """A sampling grid `train/<run>/pictures/<name>.png`, or a sample `<asset>.<mode or row>.png` of an evaluation or of a suite."""
        run = next((name for name in self.runs if path.resolve().parts[-3:-1] == (name, "pictures")), None)
        if run is not None:
            return Node(f"sampling grid {path.name}", [self._run(run)])
        asset, row = [*path.name.split("."), ""][:2]
        made_by = self._made_by(path, row)
        if made_by is None or asset not in self.assets:
            raise ValueError(f"{path} is neither a sampling grid (`train/<run>/pictures`) nor a sample (`evaluate/samples`) of {self.workspace.size}")
        name, weights = made_by["run"], made_by["weights_sha256"]
        known = self.runs.get(name, {}).get("weights_sha256") == weights
        model = self._run(name) if known else Node(f"run {name}, whose weights are no longer on disk")
        return Node(f"sample {path.name} of weights sha256 {weights}", [Node(f"control: views of {credit(self.assets[asset])}"), model])

    def _made_by(self, path: Path, row: str) -> dict[str, Any] | None:
        """`run` and `weights_sha256` behind a sample, from the `metrics.json` beside its folder; of a suite's row those of the seed that is shown."""
        evaluated = self.workspace.folder("evaluate")
        places = [evaluated / path.resolve().parent.parent.name / "metrics.json", evaluated / "metrics.json"]
        record = next((json.loads(place.read_bytes()) for place in places if place.is_file()), None)
        if record is None or "suite" not in record:
            return record
        runs: dict[str, Any] = next((each["runs"] for each in record["rows"] if each["name"] == row), {})
        return next(iter(runs.values()), None)

    def _asset(self, line: CatalogueLine) -> Node:
        """Forward from an asset: the shards that hold it and the runs that were trained on them."""
        places = [(word, manifest, row) for word, manifest in self.manifests.items() for row in manifest.shards if line.asset_id in row.samples]
        return Node(credit(line), [self._place(*place) for place in places])

    def _place(self, word: str, manifest: Manifest, row: ShardRow) -> Node:
        users = [name for name, record in self.runs.items() if row.split == "train" and record["data"].get(word) == manifest.digest()]
        text = f"{word} {row.split} shard {row.file} sha256 {row.sha256} of data set {manifest.digest()}"
        return Node(text, [Node(f"run {name} ({self.runs[name]['id']}) was trained on it") for name in users])


def _some(names: list[str]) -> list[str]:
    return [*names[:NAMED], "..."] if len(names) > NAMED else names
