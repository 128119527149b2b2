"""The finished assets as the stage uses them: what composed pictures show, and what `nearest_asset` may find."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

from models.perception.nearest_asset import CatalogueAsset
from tasks.asset_shards import SOURCE_WORD, StoredAsset
from tasks.ledger import read_manifest, shard_path
from tasks.shard_io import index_shard

Which = Literal["all", "held_out"]


@dataclass(frozen=True)
class ListedAsset:
    """An asset and the digest of the shard that holds it."""

    stored: StoredAsset
    sha256: str


@dataclass(frozen=True)
class AssetCatalogue:
    """The published assets in a folder; plain data that travels to any worker which sees the same disk. digest: of their manifest."""

    folder: str
    digest: str

    @staticmethod
    def open(folder: Path) -> "AssetCatalogue":
        """Raises ValueError saying which stage to run when there are none."""
        return AssetCatalogue(str(folder.resolve()), read_manifest(folder).digest())

    def listed(self, which: Which) -> dict[str, ListedAsset]:
        """Assets by id, in the manifest's order; all of them where none is held out. Raises ValueError when they have changed since `open`."""
        return _listed(self, which)

    def findable(self, which: Which) -> Iterator[CatalogueAsset]:
        """What `nearest_asset` draws and hands on: each asset as photographs show it."""
        for asset_id, listed in self.listed(which).items():
            yield CatalogueAsset(asset_id, listed.stored.mesh(photographic=True), partial(listed.stored.glb, photographic=True))


@lru_cache(maxsize=4)
def _listed(catalogue: AssetCatalogue, which: Which) -> dict[str, ListedAsset]:
    folder = Path(catalogue.folder)
    manifest = read_manifest(folder)
    if manifest.digest() != catalogue.digest:
        raise ValueError(f"the assets in {folder} have changed since the stage was planned: run it again")
    rows = [row for row in manifest.shards if row.samples]
    held_out = [row for row in rows if row.split != "train"]
    found: dict[str, ListedAsset] = {}
    for row in held_out if which == "held_out" and held_out else rows:
        path = shard_path(folder, row)
        index = index_shard(path)
        found |= {key: ListedAsset(StoredAsset(key, str(path), index[key]), row.sha256) for key in row.samples}
    if not found:
        raise ValueError(f"{folder} holds no usable asset: build the {SOURCE_WORD} of something that can be read")
    return found
