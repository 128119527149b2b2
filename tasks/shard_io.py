"""Shards on disk: webdataset tars written atomically and byte for byte the same, read strictly.

A tar from a stranger is data: members must be plain files named `key.field`, within bounds, each once.
"""

import hashlib
import os
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import webdataset

from data_specs.ids import SAFE_ID
from data_specs.sample import FIELD_NAME, Sample
from tasks.artefacts import sync_folder

LARGEST_MEMBER = 1 << 30
"""Bytes; a larger member is refused unread."""

MEMBER_NAME = re.compile(rf"(?P<key>{SAFE_ID.pattern})\.(?P<field>{FIELD_NAME.pattern})")


def write_shard(path: Path, samples: Iterable[Sample]) -> tuple[str, int]:
    """Write samples to a tar and return its sha256 and size in bytes. It appears under its name only when complete and synced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".part-", suffix=".tar", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with webdataset.TarWriter(file, encoder=False, mtime=0, user="", group="", mode=0o644) as writer:
                for sample in samples:
                    writer.write({"__key__": sample.key, **{field: sample.members[field] for field in sorted(sample.members)}})
            file.flush()
            os.fsync(file.fileno())
        digest, size = file_sha256(Path(name)), os.path.getsize(name)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return digest, size


def file_sha256(path: Path) -> str:
    """sha256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_shard(path: Path) -> Iterator[Sample]:
    """The samples of a tar, in order. Raises ValueError naming file and member for a damaged or hostile tar."""
    for key, fields in index_shard(path).items():
        yield Sample(key, {field: read_member(path, *place) for field, place in fields.items()})


def index_shard(path: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Where every member lies: key -> field -> (offset, size) in bytes. Raises ValueError as `read_shard` does."""
    index: dict[str, dict[str, tuple[int, int]]] = {}
    total = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                match = _check(path, member, total)
                fields = index.setdefault(match["key"], {})
                if match["field"] in fields:
                    raise ValueError(f"{path}: member {member.name!r} is there twice")
                fields[match["field"]] = (member.offset_data, member.size)
            _check_end(path, archive, total)
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{path}: not a complete tar ({error}); delete it and run its stage again") from None
    return index


def _check(path: Path, member: tarfile.TarInfo, total: int) -> re.Match:
    match = MEMBER_NAME.fullmatch(member.name)
    if not member.isreg():
        raise ValueError(f"{path}: member {member.name!r} is not a plain file")
    if match is None:
        raise ValueError(f"{path}: member name {member.name!r} is not of the form key.field.ext")
    if member.size > LARGEST_MEMBER:
        raise ValueError(f"{path}: member {member.name!r} of {member.size} bytes exceeds {LARGEST_MEMBER}")
    if member.offset_data + member.size > total:
        raise ValueError(f"{path}: the tar ends inside member {member.name!r}; delete it and run its stage again")
    return match


def _check_end(path: Path, archive: tarfile.TarFile, total: int) -> None:
    """A tar ends with two empty blocks: without them the writer was stopped between two members."""
    if total < archive.offset + 2 * tarfile.BLOCKSIZE - tarfile.BLOCKSIZE or total % tarfile.BLOCKSIZE:
        raise ValueError(f"{path}: the tar has no end mark; delete it and run its stage again")


def read_member(path: Path, offset: int, size: int) -> bytes:
    """Bytes of one member as `index_shard` found it. Raises ValueError when the file is shorter than that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        data = os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)
    if len(data) != size:
        raise ValueError(f"{path}: only {len(data)} of {size} bytes at {offset}: the shard is truncated; run its stage again")
    return data
