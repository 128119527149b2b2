"""Stages that turn asset shard k into their own shard k (`render`, `matched_real`): plan, items and manifest."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_specs.asset import AssetRecord, Mesh
from data_specs.manifest import Manifest
from data_specs.shard import ShardPlan
from models.geometry.glb_reader import read_glb
from tasks.artefacts import Workspace
from tasks.ledger import Ledger, read_manifest, shard_path
from tasks.shard_io import index_shard, read_member

SOURCE_WORD = "assets"


@dataclass(frozen=True)
class StoredAsset:
    """An asset in its shard, unread: plain data that travels to any worker which sees the same disk.

    members: field -> (offset, size) in the tar at `path`.
    """

    key: str
    path: str
    members: dict[str, tuple[int, int]]

    def record(self) -> AssetRecord:
        """The asset's record; raises ValueError when it is damaged."""
        return AssetRecord.model_validate_json(self._read("asset.json"))

    def mesh(self, photographic: bool = False) -> Mesh:
        """The clean mesh; with `photographic` its twin of detailed material where there is one."""
        return read_glb(self.glb(photographic))

    def glb(self, photographic: bool = False) -> bytes:
        """The file of `mesh`."""
        return self._read("photographic.glb" if photographic and "photographic.glb" in self.members else "mesh.glb")

    def _read(self, field: str) -> bytes:
        if field not in self.members:
            raise ValueError(f"asset {self.key!r} in {self.path} has no member {field!r}: build the assets again")
        return read_member(Path(self.path), *self.members[field])


def plan_from_assets(workspace: Workspace, word: str, settings: dict, version: int) -> list[ShardPlan]:
    """One shard for each asset shard. Raises ValueError when the assets are not built yet."""
    rows = read_manifest(workspace.folder(SOURCE_WORD)).shards
    return [ShardPlan(word=word, split=row.split, index=row.index, inputs=[row.sha256], params=settings, version=version) for row in rows]


def stored_assets(workspace: Workspace, plan: ShardPlan) -> list[StoredAsset]:
    """The assets that a plan's shard is made of, in order. Raises ValueError when the assets have changed since it was planned."""
    folder = workspace.folder(SOURCE_WORD)
    row = next((row for row in read_manifest(folder).shards if [row.sha256] == plan.inputs), None)
    if row is None:
        raise ValueError(f"{plan.file_name}: its asset shard is no longer in {folder}; plan the stage again")
    path = shard_path(folder, row).resolve()
    index = index_shard(path)
    return [StoredAsset(key, str(path), index[key]) for key in row.samples]


def named_assets(workspace: Workspace, keys: list[str]) -> Iterator[StoredAsset]:
    """Assets by their ids, in the order of the shards. Raises ValueError when the assets are not built, or one is not among them."""
    folder, left = workspace.folder(SOURCE_WORD), set(keys)
    for row in read_manifest(folder).shards:
        wanted = [key for key in row.samples if key in left]
        if wanted:
            path = shard_path(folder, row).resolve()
            index = index_shard(path)
            yield from (StoredAsset(key, str(path), index[key]) for key in wanted)
            left -= set(wanted)
    if left:
        raise ValueError(f"{folder} has no asset {min(left)!r}: build the assets again")


def publish_from_assets(workspace: Workspace, plans: list[ShardPlan], word: str, settings: dict, version: int) -> Manifest:
    """Write the stage's manifest; every asset counts as entered."""
    assets = read_manifest(workspace.folder(SOURCE_WORD))
    ledger = Ledger(workspace.folder(word), word)
    inputs = {SOURCE_WORD: assets.digest()}
    return ledger.publish(plans, size=workspace.size, version=version, params=settings, inputs=inputs, entered=assets.samples())
