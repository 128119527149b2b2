"""The truth about progress: a shard is finished when its row exists, and its row appears only after the shard is on disk."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from data_specs.decision import Decision
from data_specs.ids import canonical_json
from data_specs.manifest import Manifest
from data_specs.sample import Sample
from data_specs.shard import ShardPlan, ShardRow
from tasks.artefacts import write_atomic
from tasks.shard_io import write_shard

SHARDS, ROWS, MANIFEST = "shards", "rows", "manifest.json"


class Ledger:
    """The shards of one stage in `folder`. Safe to use from many processes at once: the same plan always gives the same bytes."""

    def __init__(self, folder: Path, word: str) -> None:
        self.folder, self.word = folder, word

    def row(self, plan: ShardPlan) -> ShardRow | None:
        """The row of a finished shard; None when it is not finished, or when its tar is gone or of another size."""
        try:
            row = ShardRow.model_validate_json(self._row_path(plan).read_bytes())
            return row if (self.folder / row.file).stat().st_size == row.bytes else None
        except (FileNotFoundError, ValidationError):
            return None

    def pending(self, plans: Sequence[ShardPlan]) -> list[ShardPlan]:
        """The plans that are not finished yet, in order."""
        return [plan for plan in plans if self.row(plan) is None]

    def write(self, plan: ShardPlan, samples: Iterable[Sample], decisions: list[Decision]) -> ShardRow:
        """Write a shard, then its row. `decisions` is read after the samples are exhausted, so that the same work may fill it."""
        keys: list[str] = []
        file = f"{SHARDS}/{plan.file_name}"
        sha256, size = write_shard(self.folder / file, _remember(samples, keys))
        facts = {"shard_id": plan.shard_id, "split": plan.split, "index": plan.index, "inputs": plan.inputs}
        row = ShardRow(**facts, file=file, sha256=sha256, bytes=size, samples=keys, decisions=decisions)
        write_atomic(self._row_path(plan), _json(row))
        return row

    def publish(
        self,
        plans: Sequence[ShardPlan],
        *,
        size: str,
        version: int,
        params: dict,
        inputs: dict[str, str],
        entered: int,
        excluded: Sequence[Decision] = (),
    ) -> Manifest:
        """Write the manifest of exactly these plans and delete every other shard, row and left-over temporary file.

        Raises ValueError when a plan is not finished.
        """
        rows = [self._finished(plan) for plan in sorted(plans, key=lambda plan: (plan.split, plan.index))]
        manifest = Manifest(
            word=self.word, size=size, version=version, params=params, inputs=inputs, entered=entered, shards=rows, excluded=list(excluded)
        )
        write_atomic(self.folder / MANIFEST, _json(manifest))
        self._prune({plan.file_name for plan in plans} | {f"{plan.shard_id}.json" for plan in plans})
        return manifest

    def _finished(self, plan: ShardPlan) -> ShardRow:
        row = self.row(plan)
        if row is None:
            raise ValueError(f"{self.folder}: shard {plan.file_name} is not finished; run `atelier3d {self.word}` again")
        return row

    def _prune(self, wanted: set[str]) -> None:
        for path in [
            *(self.folder / SHARDS).glob("*"),
            *(self.folder / SHARDS).glob(".part-*"),
            *(self.folder / ROWS).glob("*"),
            *(self.folder / ROWS).glob(".part-*"),
        ]:
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def _row_path(self, plan: ShardPlan) -> Path:
        return self.folder / ROWS / f"{plan.shard_id}.json"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished stage. Raises ValueError saying which stage to run when there is none, or what is wrong with it."""
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"{path} is not there: run `atelier3d {folder.name} --size {folder.parent.name}` first")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path} is not a manifest of this version ({error.error_count()} errors): run `atelier3d {folder.name}` again") from None


def _remember(samples: Iterable[Sample], keys: list[str]) -> Iterable[Sample]:
    for sample in samples:
        keys.append(sample.key)
        yield sample


def _json(record: ShardRow | Manifest) -> bytes:
    return canonical_json(record.model_dump(mode="json")).encode() + b"\n"
