"""A local folder of mesh files as catalogue lines, with what a `manifest.json` in it says of captions, licences and authors."""

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

from data_specs.asset import CatalogueLine, UpAxis
from data_specs.ids import content_id
from models.geometry.mesh_reader import MESH_SUFFIXES
from tasks.artefacts import write_atomic
from tasks.assets.records import distinct, fields_of, make_line

COMPANION_SUFFIXES = frozenset({".mtl", ".bin", ".png", ".jpg", ".jpeg", ".webp", ".tga", ".bmp", ".tif", ".tiff"})
WITH_COMPANIONS = frozenset({".obj", ".gltf", ".ply"})
MANIFEST = "manifest.json"


def folder_lines(folder: Path, up_axis: UpAxis, cache: Path) -> list[CatalogueLine]:
    """Every mesh file below `folder`, sorted by path; entries of its `manifest.json` (a list of objects with `file`) enrich and come first.

    cache: folder where digests of unchanged files are remembered. Raises ValueError when the folder or its manifest cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"assets.location={folder} is not a folder")
    entries = _read_manifest(folder)
    files = _files(folder)
    digests = _Digests(folder, cache)
    named = [entry["file"] for entry in entries]
    found = [path for path in sorted(files) if Path(path).suffix.lower() in MESH_SUFFIXES and path not in set(named)]
    fields = [fields_of(entry) | {"attribution": _attribution(entry)} for entry in entries] + [{"category": _parent(path)} for path in found]
    lines = []
    for path, known in zip([*named, *found], fields):
        digest = known.get("sha256") or (digests.of(path) if path in files else "")
        identity = known.get("asset_id") or str(PurePosixPath(path).with_suffix(""))
        line = make_line("folder", path, PurePosixPath(path).suffix.lower(), known | {"sha256": digest, "asset_id": identity}, up_axis)
        lines.append(line.model_copy(update={"companions_sha256": digests.around(path, files)}))
    digests.save()
    return list(distinct(lines))


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    return sorted(path.relative_to(folder).as_posix() for path in found if path.is_file())


def _parent(path: str) -> str:
    parts = Path(path).parts
    return parts[-2].replace("_", " ") if len(parts) > 1 else ""


def _read_manifest(folder: Path) -> list[dict[str, Any]]:
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


def _attribution(entry: dict[str, Any]) -> str:
    """`attribution` where it is given, else the repository, path and commit that the entry names."""
    if "attribution" in entry:
        return str(entry["attribution"])
    place = ": ".join(str(entry[key]) for key in ("source_repo", "source_path") if entry.get(key))
    return f"{place} @ {str(entry['source_commit'])[:12]}" if place and entry.get("source_commit") else place


class _Digests:
    """sha256 of local files, remembered by size and time of change so that a rerun does not read everything again."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = folder
        self._path = cache / f"digests-{content_id(str(folder))}.json"
        self._known: dict[str, list] = self._load()
        self._around: dict[str, str] = {}

    def of(self, relative: str) -> str:
        path = self._folder / relative
        found = os.stat(path)
        stamp = [found.st_size, found.st_mtime_ns]
        if self._known.get(relative, [None])[:2] != stamp:
            with path.open("rb") as file:
                self._known[relative] = [*stamp, hashlib.file_digest(file, "sha256").hexdigest()]
        return self._known[relative][2]

    def around(self, relative: str, files: list[str]) -> str:
        """One digest of all material, buffer and picture files in the folder of a mesh file and below; "" for files that stand alone."""
        if Path(relative).suffix.lower() not in WITH_COMPANIONS:
            return ""
        parent = Path(relative).parent.as_posix()
        if parent not in self._around:
            prefix = "" if parent == "." else f"{parent}/"
            near = [path for path in files if path.startswith(prefix) and Path(path).suffix.lower() in COMPANION_SUFFIXES]
            self._around[parent] = content_id([[path.removeprefix(prefix), self.of(path)] for path in near]) if near else ""
        return self._around[parent]

    def save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, json.dumps(self._known, sort_keys=True).encode())

    def _load(self) -> dict[str, list]:
        try:
            known = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
