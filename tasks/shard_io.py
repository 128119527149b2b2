"""Shards on disk: webdataset tars that are byte-identical for the same samples, and a reader that trusts nothing."""

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from data_specs.sample import Sample
from tasks.artefacts import replacing

MAX_MEMBER_BYTES = 1 << 30
"""Larger members are refused unread."""

MAX_MEMBERS = 1_000_000
MAX_NAME_BYTES = 4096
"""Of the extra header that holds a name of more than 100 characters."""

MAX_PADDING_BYTES = 64 * 1024
BLOCK = tarfile.BLOCKSIZE

Members = dict[str, tuple[int, int]]


def write_shard(path: Path, samples: Iterable[Sample]) -> tuple[str, int]:
    """Write samples to a tar, atomically: (sha256, bytes). The same samples give the same bytes on every machine.

    Raises ValueError for a repeated key or a member that the reader would refuse; `path` then stays as it was.
    """
    import webdataset  # loads torch: only those who write pay, not who plans or reads

    seen: set[str] = set()
    with replacing(path) as handle:
        with webdataset.TarWriter(handle, user="", group="", mtime=0, encoder=False) as tar:
            for sample in samples:
                _check_writable(path, sample, seen)
                seen.add(sample.key)
                tar.write({"__key__": sample.key, **sample.members})
        handle.flush()
        size = handle.tell()
        handle.seek(0)
        return hashlib.file_digest(handle, "sha256").hexdigest(), size


def _check_writable(path: Path, sample: Sample, seen: set[str]) -> None:
    if sample.key in seen:
        raise ValueError(f"{path.name}: sample {sample.key!r} comes twice")
    if not sample.members:
        raise ValueError(f"{path.name}: sample {sample.key!r} has no members")
    for field, data in sample.members.items():
        if len(data) > MAX_MEMBER_BYTES:
            raise ValueError(f"{path.name}: member {sample.key}.{field} has {len(data)} bytes, more than {MAX_MEMBER_BYTES}")


def read_shard(path: Path) -> Iterator[Sample]:
    """Every sample in the tar's order. The whole index is checked first (see `index_shard`)."""
    with path.open("rb") as handle:
        for key, members in _index(path, handle).items():
            yield Sample(key, {field: _pread(path, handle, *place) for field, place in members.items()})


def index_shard(path: Path) -> dict[str, Members]:
    """Where every member lies: key -> field -> (offset, size) in bytes, in the tar's order.

    Raises ValueError naming the file and the member for anything but plain files of plain names, for duplicates, for oversized members,
    and for a tar that is damaged or ends too early.
    """
    with path.open("rb") as handle:
        return _index(path, handle)


def read_member(path: Path, offset: int, size: int) -> bytes:
    """The bytes of one member at a place that `index_shard` gave; raises ValueError when the file is shorter."""
    with path.open("rb", buffering=0) as handle:
        return _pread(path, handle, offset, size)


def file_sha256(path: Path) -> str:
    """The sha256 of a file as 64 hex digits, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _pread(path: Path, handle: BinaryIO, offset: int, size: int) -> bytes:
    data = os.pread(handle.fileno(), size, offset)
    if len(data) != size:
        raise ValueError(f"{path}: ends at byte {offset + len(data)}, {size - len(data)} bytes before the end of a member")
    return data


class _Header(tarfile.TarInfo):
    """Refuses a header before tarfile acts on it: only plain files, and the extra header of a long name."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        header = super().frombuf(buf, encoding, errors)
        limit = {tarfile.REGTYPE: MAX_MEMBER_BYTES, tarfile.XHDTYPE: MAX_NAME_BYTES}.get(header.type)
        if limit is None:
            raise ValueError(f"member {header.name!r} is not a plain file (type {header.type!r})")
        if not 0 <= header.size <= limit:
            raise ValueError(f"member {header.name!r} claims {header.size} bytes, more than {limit}")
        return header


def _index(path: Path, handle: BinaryIO) -> dict[str, Members]:
    index: dict[str, Members] = {}
    end, name = 0, ""
    try:
        with tarfile.open(fileobj=handle, mode="r:", tarinfo=_Header) as archive:
            for count, member in enumerate(archive):
                name = member.name
                _add(index, member, count)
                end = member.offset_data + -(-member.size // BLOCK) * BLOCK
        _check_end(handle, end)
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise ValueError(f"{path}: damaged or hostile shard after member {name!r}: {error}") from None
    return index


def _add(index: dict[str, Members], member: tarfile.TarInfo, count: int) -> None:
    """Enter one member; raises ValueError for what `write_shard` would never have written."""
    if count >= MAX_MEMBERS:
        raise ValueError(f"more than {MAX_MEMBERS} members")
    if set(member.pax_headers) - {"path"} or member.size > MAX_MEMBER_BYTES:
        raise ValueError(f"member {member.name!r} has headers {sorted(member.pax_headers)}")
    key, _, field = member.name.partition(".")
    Sample(key, {field: b""})  # checks both names: no folders, no dots in front, no way out
    if key in index and key != next(reversed(index)):
        raise ValueError(f"sample {key!r} comes twice")
    if field in index.setdefault(key, {}):
        raise ValueError(f"member {member.name!r} comes twice")
    index[key][field] = (member.offset_data, member.size)


def _check_end(handle: BinaryIO, end: int) -> None:
    """A whole tar ends in at least two blocks of zeros and nothing else; tarfile alone would take a cut one for complete."""
    size = os.fstat(handle.fileno()).st_size
    if size - end < 2 * BLOCK:
        raise ValueError(f"the file ends after {size} bytes without the end mark of a tar: it was cut off")
    if size - end > MAX_PADDING_BYTES or any(os.pread(handle.fileno(), size - end, end)):
        raise ValueError(f"no readable member at byte {end}, and {size - end} bytes follow")
