"""The truth about progress, on disk: a shard is done when its row exists and its tar has the recorded size.

    <folder>/shards/<word>-<split>-<index>-<id>.tar    written first
    <folder>/rows/<id>.json                            written when the tar is complete and synced
    <folder>/manifest.json                             written when every row exists

Everything is written to a temporary name, synced and renamed, so a process may be killed at any moment and several may build the same
shard at once: they rename the same bytes. Names hash what defines a shard, so nothing stale is ever taken for done.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from data_specs.decision import Decision
from data_specs.ids import canonical_json
from data_specs.manifest import Manifest
from data_specs.params import WORDS
from data_specs.sample import Sample
from data_specs.shard import SHARD_NAME, ShardPlan, ShardRow
from tasks.artefacts import remove_leftovers, write_atomic
from tasks.shard_io import write_shard

SHARDS, ROWS, MANIFEST = "shards", "rows", "manifest.json"

Record = TypeVar("Record", bound=BaseModel)


class Ledger:
    """The shards, rows and manifest of one word's output folder."""

    def __init__(self, folder: Path, word: str) -> None:
        self.folder, self.word = folder, word

    def row(self, plan: ShardPlan) -> ShardRow | None:
        """The row of a finished shard, else None: no row, an unreadable one, or a tar that is missing or of another size."""
        try:
            row = ShardRow.model_validate_json(self._row_path(plan).read_bytes())
            done = row.file == _file(plan) and shard_path(self.folder, row).stat().st_size == row.bytes
        except (OSError, ValidationError):
            return None
        return row if done else None

    def pending(self, plans: Iterable[ShardPlan]) -> list[ShardPlan]:
        """The plans whose shards are not finished, in order."""
        return [plan for plan in plans if self.row(plan) is None]

    def write(self, plan: ShardPlan, samples: Iterable[Sample], decisions: list[Decision], inputs: list[str] | None = None) -> ShardRow:
        """Write a shard and then its row. `decisions` is read after the last sample, so a generator of samples may fill it.

        inputs: what the row names in place of the plan's own, where these would fill the manifest.
        """
        keys: list[str] = []
        sha256, size = write_shard(self.folder / _file(plan), _noting_keys(samples, keys))
        row = ShardRow(
            shard_id=plan.shard_id,
            file=_file(plan),
            split=plan.split,
            index=plan.index,
            sha256=sha256,
            bytes=size,
            samples=keys,
            inputs=plan.inputs if inputs is None else inputs,
            decisions=list(decisions),
        )
        write_record(self._row_path(plan), row)
        return row

    def forget(self, plan: ShardPlan) -> None:
        """A shard counts as unfinished from now on."""
        self._row_path(plan).unlink(missing_ok=True)

    def publish(
        self,
        plans: Iterable[ShardPlan],
        *,
        size: str,
        version: int,
        params: dict,
        inputs: dict[str, str],
        entered: int,
        excluded: Iterable[Decision] = (),
    ) -> Manifest:
        """Write the manifest over the finished shards of `plans`, then remove whatever else lies in the folder.

        Raises ValueError when a shard is not finished.
        """
        manifest = Manifest(
            word=self.word,
            size=size,
            version=version,
            params=params,
            inputs=inputs,
            entered=entered,
            shards=self.rows(plans),
            excluded=list(excluded),
        )
        self.publish_record(manifest, manifest.shards)
        return manifest

    def rows(self, plans: Iterable[ShardPlan]) -> list[ShardRow]:
        """The rows of all plans, sorted by split and index; raises ValueError when one is not finished."""
        rows = {plan.file_name: self.row(plan) for plan in plans}
        missing = sorted(name for name, row in rows.items() if row is None)
        if missing:
            raise ValueError(f"{len(missing)} of {len(rows)} shards of {self.word!r} are not built, e.g. {missing[0]}: {_advice(self.folder)}")
        return sorted((row for row in rows.values() if row), key=lambda row: (row.split, row.index, row.shard_id))

    def publish_record(self, record: BaseModel, rows: Iterable[ShardRow]) -> None:
        """Write `record` as the manifest, then remove every shard, row and leftover that does not belong to `rows`."""
        write_record(self.folder / MANIFEST, record)
        kept = list(rows)
        self._prune(SHARDS, {Path(row.file).name for row in kept})
        self._prune(ROWS, {f"{row.shard_id}.json" for row in kept})
        remove_leftovers(self.folder)

    def _prune(self, name: str, kept: set[str]) -> None:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        for path in folder.iterdir():
            if path.name not in kept and not path.name.startswith("."):
                path.unlink(missing_ok=True)

    def _row_path(self, plan: ShardPlan) -> Path:
        return self.folder / ROWS / f"{plan.shard_id}.json"


def shard_path(folder: Path, row: ShardRow) -> Path:
    """Where the tar of a row lies; raises ValueError for a row whose file name is not that of a shard."""
    parent, _, name = row.file.rpartition("/")
    if parent != SHARDS or not SHARD_NAME.fullmatch(name):
        raise ValueError(f"{row.file!r} is not the path of a shard: expected {SHARDS}/<word>-<split>-<index>-<id>.tar")
    return folder / row.file


def _file(plan: ShardPlan) -> str:
    """The path of a plan's tar, relative to the output folder."""
    return f"{SHARDS}/{plan.file_name}"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished stage; raises ValueError with advice when it is missing or unreadable."""
    manifest = read_record(folder, Manifest)
    for row in manifest.shards:
        shard_path(folder, row)
    return manifest


def read_record(folder: Path, kind: type[Record]) -> Record:
    """The manifest in `folder` as a record of `kind`; raises ValueError with advice when it is missing or unreadable."""
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"{path} does not exist: {_advice(folder)} first")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise ValueError(f"{path} cannot be read ({place}: {problem['msg']}): delete it and {_advice(folder)} again") from None


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record as canonical JSON; a file that already holds these bytes is left alone."""
    data = canonical_json(record.model_dump(mode="json")).encode() + b"\n"
    if not path.is_file() or path.read_bytes() != data:
        write_atomic(path, data)


def _advice(folder: Path) -> str:
    """Which command fills a folder: that of the word it belongs to, also where it is a shard set below the word's own folder."""
    word = next((place for place in (folder, *folder.parents) if place.name in WORDS), folder)
    return f"run `atelier3d {word.name} --size {word.parent.name}`"


def _noting_keys(samples: Iterable[Sample], keys: list[str]) -> Iterator[Sample]:
    for sample in samples:
        keys.append(sample.key)
        yield sample
