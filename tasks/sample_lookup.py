"""Samples of a finished data set by key, without unpacking anything."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from data_specs.shard import ShardRow
from models.image_codec import decode_member
from tasks.ledger import read_manifest, shard_path
from tasks.shard_io import index_shard, read_member

INDEXED_SHARDS = 16


class SampleLookup:
    """Random access to the samples of one stage's output folder (`<folder>/manifest.json` and its shards)."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest. Raises ValueError saying which stage to run when there is none."""
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.rows = {key: row for row in self.manifest.shards for key in row.samples}
        self._index = lru_cache(maxsize=INDEXED_SHARDS)(index_shard)

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def keys(self, split: str | None = None) -> list[str]:
        """Keys in the order of the manifest, of one split or of all."""
        return [key for key, row in self.rows.items() if split in (None, row.split)]

    def path(self, row: ShardRow) -> Path:
        """Where a shard lies."""
        return shard_path(self.folder, row)

    def read(self, key: str, members: str = ".*") -> dict[str, Any]:
        """The decoded members of a sample whose field matches the regular expression `members` (`models.image_codec.decode_member`).

        Raises ValueError naming shard and sample when the sample is not there or damaged.
        """
        if key not in self.rows:
            raise ValueError(f"{self.folder} has no sample {key!r}")
        path = self.path(self.rows[key])
        try:
            places = self._index(path)[key]
            wanted = re.compile(members)
            return {field: decode_member(field, read_member(path, *place)) for field, place in places.items() if wanted.fullmatch(field)}
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}: sample {key!r} cannot be read: {error}") from None

    def raw(self, key: str, field: str) -> bytes:
        """The bytes of a member as they are stored. Raises ValueError naming shard, sample and field when it is not there."""
        data = self.optional(key, field)
        if data is None:
            raise ValueError(f"{self.path(self.rows[key])}: sample {key!r} has no member {field!r}")
        return data

    def optional(self, key: str, field: str) -> bytes | None:
        """The same for a member that a sample may lack: None then. Raises ValueError when there is no such sample."""
        if key not in self.rows:
            raise ValueError(f"{self.folder} has no sample {key!r}")
        path = self.path(self.rows[key])
        places = self._index(path).get(key, {})
        return read_member(path, *places[field]) if field in places else None

    def digest(self) -> str:
        """Digest of the manifest."""
        return self.manifest.digest()
