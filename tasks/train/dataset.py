"""Which shards and samples a run may read: the manifests of its sources, less what verification excluded."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_specs.manifest import Manifest
from data_specs.shard import Split
from models.recipe import Source
from tasks.artefacts import Workspace
from tasks.ledger import read_manifest
from tasks.train.loader import ShardFile


@dataclass(frozen=True)
class TrainingData:
    """shards: source word -> shards of one split, in manifest order. digests: source word -> digest of its manifest."""

    shards: dict[str, tuple[ShardFile, ...]]
    digests: dict[str, str]


def open_data(workspace: Workspace, sources: Sequence[Source], split: Split) -> TrainingData:
    """Find the shards of every source. Raises ValueError saying which stage to run first when a manifest is missing."""
    manifests = {source.word: read_manifest(workspace.folder(source.word)) for source in sources}
    shards = {word: _shard_files(workspace, manifest, split) for word, manifest in manifests.items()}
    return TrainingData(shards, {word: manifest.digest() for word, manifest in manifests.items()})


def _shard_files(workspace: Workspace, manifest: Manifest, split: Split) -> tuple[ShardFile, ...]:
    folder = workspace.folder(manifest.word).resolve()
    excluded = {decision.item_id for decision in manifest.excluded}
    rows = [row for row in manifest.shards if row.split == split]
    return tuple(ShardFile(folder / row.file, tuple(key for key in row.samples if key not in excluded)) for row in rows)
