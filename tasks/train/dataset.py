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
    """shards: source word -> shards of one split, in manifest order. digests: data set -> digest of its manifest, that of `shards` included."""

    shards: dict[str, tuple[ShardFile, ...]]
    digests: dict[str, str]


def open_data(workspace: Workspace, sources: Sequence[Source], split: Split) -> TrainingData:
    """Find the shards of every source and the keys that may be trained on: those that have a sample in the data set `shards`.

    Raises ValueError saying which stage to run when a manifest is missing or a source has changed since it was verified.
    """
    manifests = {word: read_manifest(workspace.folder(word)) for source in sources for word in dict.fromkeys((source.word, source.data_set))}
    verified = read_manifest(workspace.folder(VERIFIED))
    digests = {word: manifest.digest() for word, manifest in manifests.items()}
    derived = {source.stored for source in sources if source.stored}
    changed = [word for word, digest in digests.items() if word not in derived and verified.inputs.get(word) != digest]
    if changed:
        raise ValueError(f"{', '.join(changed)} changed since its samples were verified: run `atelier3d {VERIFIED} --size {workspace.size}` again")
    stale = [word for word in derived if manifests[word].inputs != {VERIFIED: verified.digest()}]
    if stale:
        raise ValueError(f"{stale[0]} holds nothing of these samples: set {stale[0]}.base and run `atelier3d {stale[0]} --size {workspace.size}`")
    usable = {key for row in verified.shards for key in row.samples} - {decision.item_id for decision in verified.excluded}
    shards = {source.word: _shard_files(workspace, manifests[source.data_set], split, usable) for source in sources}
    return TrainingData(shards, {**digests, VERIFIED: verified.digest()})


def _shard_files(workspace: Workspace, manifest: Manifest, split: Split, usable: set[str]) -> tuple[ShardFile, ...]:
    folder = workspace.folder(manifest.word).resolve()
    rows = [row for row in manifest.shards if row.split == split]
    return tuple(ShardFile(shard_path(folder, row), tuple(key for key in row.samples if key in usable)) for row in rows)
