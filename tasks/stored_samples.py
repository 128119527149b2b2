"""Samples of finished shards as plain data that travels to any worker which sees the same disk, unread."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.image_codec import decode_member
from tasks.artefacts import Workspace
from tasks.ledger import ROWS, read_manifest, shard_path
from tasks.shard_io import file_sha256, index_shard, read_member


@dataclass(frozen=True)
class StoredSample:
    """A sample in its shard, unread. members: field -> (offset, size) in the tar at `path`."""

    path: str
    members: dict[str, tuple[int, int]]

    def decoded(self) -> dict[str, Any]:
        """Every member, decoded. Raises ValueError naming the damaged one."""
        return {field: decode_member(field, read_member(Path(self.path), *place)) for field, place in self.members.items()}


def stored_samples(workspace: Workspace, word: str, sha256: str) -> dict[str, StoredSample]:
    """The samples of the shard of `word` with that digest, by key. Raises ValueError with advice when it is gone or its bytes have changed."""
    folder = workspace.folder(word)
    row = next((row for row in read_manifest(folder).shards if row.sha256 == sha256), None)
    if row is None:
        raise ValueError(f"a planned shard is no longer in {folder}; plan the stage again")
    path = shard_path(folder, row).resolve()
    if file_sha256(path) != row.sha256:
        advice = f"delete {folder / ROWS / row.shard_id}.json and run `atelier3d {word} --size {workspace.size}` again"
        raise ValueError(f"{path} is damaged: its bytes are not those that were written; {advice}")
    index = index_shard(path)
    return {key: StoredSample(str(path), index[key]) for key in row.samples}
