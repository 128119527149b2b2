"""Where files live, and how a file appears: whole, synced, or not at all."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path

from data_specs.params import SIZES

TEMPORARY_SUFFIX = ".partial"


@dataclass(frozen=True)
class Workspace:
    """The folders of one size: `data/<size>/<word>` holds what is versioned, `runs/<size>` everything else."""

    root: Path
    size: str

    @staticmethod
    def open(size: str, root: str | Path | None = None) -> "Workspace":
        """The workspace under `root`, else $ATELIER3D_HOME, else the current folder; raises ValueError for an unknown size."""
        if size not in SIZES:
            raise ValueError(f"unknown size {size!r}: expected one of {', '.join(SIZES)}")
        return Workspace(Path(root or os.environ.get("ATELIER3D_HOME") or ".").resolve(), size)

    def folder(self, word: str) -> Path:
        """The output folder of a word, absolute."""
        return self.root / "data" / self.size / word

    @property
    def runs(self) -> Path:
        """The folder of checkpoints, logs and progress, absolute."""
        return self.root / "runs" / self.size


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a rerun after a crash, sees the old bytes or the new ones and nothing between."""
    with replacing(path) as handle:
        handle.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BufferedRandom]:
    """A writable and readable temporary file that becomes `path`, synced, when the block ends; an exception leaves `path` as it was.

    The file is locked while it is written: `remove_leftovers` knows by that whether its writer still lives.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=TEMPORARY_SUFFIX)
    try:
        with os.fdopen(descriptor, "w+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
            handle.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
            os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> int:
    """Delete temporary files in `folder` whose writer is gone; returns how many."""
    removed = 0
    for path in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        with suppress(FileNotFoundError), path.open("rb") as handle, suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            removed += 1
    return removed
