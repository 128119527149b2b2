"""A local folder of mesh files as catalogue lines, with what a `manifest.json` in it says of captions, licences and authors."""

from pathlib import Path, PurePosixPath

from data_specs.asset import CatalogueLine, UpAxis
from data_specs.ids import content_id
from models.geometry.mesh_reader import MESH_SUFFIXES
from tasks.assets.records import distinct, fields_of, make_line
from tasks.local_folder import FileDigests, attribution_of, files_below, manifest_entries

COMPANION_SUFFIXES = frozenset({".mtl", ".bin", ".png", ".jpg", ".jpeg", ".webp", ".tga", ".bmp", ".tif", ".tiff"})
WITH_COMPANIONS = frozenset({".obj", ".gltf", ".ply"})


def folder_lines(folder: Path, up_axis: UpAxis, cache: Path) -> list[CatalogueLine]:
    """Every mesh file below `folder`, sorted by path; entries of its `manifest.json` (a list of objects with `file`) enrich and come first.

    cache: folder where digests of unchanged files are remembered. Raises ValueError when the folder or its manifest cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"assets.location={folder} is not a folder")
    entries = manifest_entries(folder)
    files = files_below(folder)
    digests = _Digests(folder, cache)
    named = [entry["file"] for entry in entries]
    found = [path for path in sorted(files) if Path(path).suffix.lower() in MESH_SUFFIXES and path not in set(named)]
    fields = [fields_of(entry) | {"attribution": attribution_of(entry)} for entry in entries] + [{"category": _parent(path)} for path in found]
    lines = []
    for path, known in zip([*named, *found], fields):
        digest = known.get("sha256") or (digests.of(path) if path in files else "")
        identity = known.get("asset_id") or str(PurePosixPath(path).with_suffix(""))
        line = make_line("folder", path, PurePosixPath(path).suffix.lower(), known | {"sha256": digest, "asset_id": identity}, up_axis)
        lines.append(line.model_copy(update={"companions_sha256": digests.around(path, files)}))
    digests.save()
    return list(distinct(lines))


def _parent(path: str) -> str:
    parts = Path(path).parts
    return parts[-2].replace("_", " ") if len(parts) > 1 else ""


class _Digests(FileDigests):
    """Digests of files, and of all that lies around one."""

    def __init__(self, folder: Path, cache: Path) -> None:
        super().__init__(folder, cache)
        self._around: dict[str, str] = {}

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
