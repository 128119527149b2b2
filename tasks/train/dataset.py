"""Which shards and samples a run may read: the manifests of its sources, as far as the stage `shards` verified their samples."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_specs.manifest import Manifest
from data_specs.shard import Split
from models.recipe import Source
from tasks.artefacts import Workspace
from tasks.ledger import read_manifest, shard_path
from tasks.train.loader import ShardFile

VERIFIED = "shards"


@dataclass(frozen=True)
class TrainingData:
    """shards: source word -> shards of one split, in manifest order. digests: word -> digest of its manifest, that of `shards` included."""

    shards: dict[str, tuple[ShardFile, ...]]
    digests: dict[str, str]


def open_data(workspace: Workspace, sources: Sequence[Source], split: Split) -> TrainingData:
    """Find the shards of every source and the keys that may be trained on: those that have a sample in the data set `shards`.

    Raises ValueError saying which stage to run when a manifest is missing or a source has changed since it was verified.
    """
    manifests = {source.word: read_manifest(workspace.folder(source.word)) for source in sources}
    verified = read_manifest(workspace.folder(VERIFIED))
    digests = {word: manifest.digest() for word, manifest in manifests.items()}
    changed = [word for word, digest in digests.items() if verified.inputs.get(word) != digest]
    if changed:
        raise ValueError(f"{', '.join(changed)} changed since its samples were verified: run `atelier3d {VERIFIED} --size {workspace.size}` again")
    usable = {key for row in verified.shards for key in row.samples} - {decision.item_id for decision in verified.excluded}
    shards = {word: _shard_files(workspace, manifest, split, usable) for word, manifest in manifests.items()}
    return TrainingData(shards, {**digests, VERIFIED: verified.digest()})


def _shard_files(workspace: Workspace, manifest: Manifest, split: Split, usable: set[str]) -> tuple[ShardFile, ...]:
    folder = workspace.folder(manifest.word).resolve()
    rows = [row for row in manifest.shards if row.split == split]
    return tuple(ShardFile(shard_path(folder, row), tuple(key for key in row.samples if key in usable)) for row in rows)
