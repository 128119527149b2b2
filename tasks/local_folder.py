"""A folder of somebody's files: what is in it, what its `manifest.json` says of them, and digests that are remembered between runs."""

import hashlib
import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from data_specs.ids import content_id
from tasks.artefacts import write_atomic

MANIFEST = "manifest.json"


def files_below(folder: Path) -> list[str]:
    """Every file, hidden ones left out, as sorted paths relative to the folder."""
    found = (path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    return sorted(path.relative_to(folder).as_posix() for path in found if path.is_file())


def manifest_entries(folder: Path) -> list[dict[str, Any]]:
    """The entries of the folder's manifest: a list of objects with `file`; none where there is no manifest or it is another tool's.

    Raises ValueError when it is not JSON or an entry has no `file`.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(entries, list):
        return []  # another tool's manifest: the files speak for themselves
    usable = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("file"), str)]
    if len(usable) < len(entries):
        raise ValueError(f"{path}: every entry must be an object with a `file`")
    return usable


def attribution_of(entry: dict[str, Any]) -> str:
    """`attribution` where a manifest's entry has it, else the repository, path and commit that it names."""
    if "attribution" in entry:
        return str(entry["attribution"])
    place = ": ".join(str(entry[key]) for key in ("source_repo", "source_path") if entry.get(key))
    return f"{place} @ {str(entry['source_commit'])[:12]}" if place and entry.get("source_commit") else place


def words_of(name: str) -> str:
    """What a file may show, for want of better knowledge: the words of its name."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", PurePosixPath(name).stem)
    return " ".join(re.sub(r"[^A-Za-z0-9]+", " ", words).lower().split())


class FileDigests:
    """sha256 of local files, remembered by size and time of change so that a rerun does not read everything again.

    cache: folder for what is remembered, written by `save`. again: remember nothing of earlier runs, read every file.
    """

    def __init__(self, folder: Path, cache: Path, again: bool = False) -> None:
        self._folder = folder
        self._path = cache / f"digests-{content_id(str(folder))}.json"
        self._known: dict[str, list] = {} if again else self._load()
        self._read = False

    def of(self, relative: str) -> str:
        """The sha256 of a file, 64 hex digits."""
        path = self._folder / relative
        found = os.stat(path)
        stamp = [found.st_size, found.st_mtime_ns]
        if self._known.get(relative, [None])[:2] != stamp:
            self._known[relative] = [*stamp, self.digest(path)]
            self._read = True
        return self._known[relative][2]

    @staticmethod
    def digest(path: Path) -> str:
        """The sha256 of a file, read now."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def save(self) -> None:
        """Remember for the next run, where there is something new."""
        if not self._read:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, json.dumps(self._known, sort_keys=True).encode())

    def _load(self) -> dict[str, list]:
        try:
            known = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
