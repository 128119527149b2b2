"""Where a size keeps its outputs and its state, and how a file is written so that a crash leaves the old one or the new one."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """The folders of one size under one root."""

    root: Path
    size: str

    @staticmethod
    def open(size: str, root: str | Path | None = None) -> "Workspace":
        """The workspace at `root`, else at $ATELIER3D_HOME, else in the current folder."""
        return Workspace(Path(root or os.environ.get("ATELIER3D_HOME") or ".").resolve(), size)

    def folder(self, word: str) -> Path:
        """Output of a stage, versioned by DVC."""
        return self.root / "data" / self.size / word

    @property
    def runs(self) -> Path:
        """Checkpoints, downloads, progress, MLflow: never versioned."""
        return self.root / "runs" / self.size


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file at `path` by `data`, synced to disk: a crash leaves the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".part-", suffix=path.name, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
