"""What a mesh generator has answered, on disk, by what it was asked: nothing that comes after the mesh makes anybody ask for it again.

A generator takes a minute of GPU, and may answer otherwise the second time. So its answer is kept the moment it is there, under a key of all that
reaches the generator: the picture and its name, the models that cut the object out, the generator's own settings. A second key adds how an answer
is prepared: it names the mesh of a sample, and finds it again in a published shard (`earlier_meshes.py`). Thresholds, verdicts, depth, pose and
views are in neither. The files are a cache that lasts from run to run and may be removed at any time; `limit_kept` keeps it within bounds.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_specs.ids import check_id, content_id
from data_specs.subject import SubjectLine
from models.perception.base import GeneratedMesh
from tasks.artefacts import remove_leftovers, write_atomic

CUT_OUT_VERSION = 2
"""Raised by hand when the steps before the generator send it other cut-outs of the same pictures."""

PREPARATION_VERSION = 1
"""Raised by hand when `mesh_preparation.py` makes another mesh of the same answer."""

OF_LINE = ("source", "subject_id", "sha256", "row", "panel", "item")
OF_SETTINGS = ("size_pixels", "segmenter", "background", "composed", "assets", "seed")
OF_MODELS = ("detector", "text_encoder", "segmenter", "background", "mesh")
PREPARING = ("max_faces", "texture_pixels")
WITHOUT_EFFECT = ("max_mb", "catalogue")
"""Of the generator's settings."""


@dataclass(frozen=True)
class KeptMeshes:
    """The answers that are kept in a folder; plain data that travels to any worker which sees the same disk.

    asked, prepared: digests of what, beside a line, decides a generator's answer, and what is made of it.
    """

    folder: Path
    asked: str = ""
    prepared: str = ""

    @staticmethod
    def of(folder: Path, settings: Mapping[str, Any]) -> "KeptMeshes":
        """Those that belong to a shard's settings (`ShardPlan.params`)."""
        mesh = {name: value for name, value in settings["mesh"].items() if name not in (*PREPARING, *WITHOUT_EFFECT)}
        detector = {name: value for name, value in settings["detector"].items() if name != "min_score"}  # the best box is the best without it
        others = {name: settings[name] for name in OF_SETTINGS if name in settings and (settings["source"] == "composed" or name != "seed")}
        models = {name: digest for name, digest in settings["models"].items() if name in OF_MODELS}
        asked = content_id(CUT_OUT_VERSION, mesh, detector, others, models)
        preparing = {name: settings["mesh"][name] for name in PREPARING} | {"texture": settings["limits"]["max_texture_pixels"]}
        return KeptMeshes(folder, asked, content_id(PREPARATION_VERSION, asked, preparing))

    def asked_key(self, line: SubjectLine) -> str:
        """Names what the generator answers for a line."""
        return content_id(self.asked, line.model_dump(mode="json", include=set(OF_LINE)))

    def prepared_key(self, line: SubjectLine) -> str:
        """Names the mesh that a sample of this line holds."""
        return content_id(self.prepared, self.asked_key(line))

    def find(self, key: str) -> GeneratedMesh | None:
        """The mesh of a key, where it is kept; it counts as used now."""
        with suppress(FileNotFoundError):
            for path in self._place(key).glob(f"{key}.*.glb"):
                os.utime(path)
                return GeneratedMesh(path.read_bytes(), path.name.split(".")[1])
        return None

    def __contains__(self, key: str) -> bool:
        return any(self._place(key).glob(f"{key}.*.glb"))

    def keep(self, key: str, mesh: GeneratedMesh) -> None:
        """Keep a mesh; the one that was kept first stays."""
        path = self._place(key) / f"{key}.{check_id(mesh.origin)}.glb"
        if not path.exists():
            write_atomic(path, mesh.glb)

    def _place(self, key: str) -> Path:
        return self.folder / key[:2]


def limit_kept(folder: Path, most_bytes: float) -> None:
    """Remove what was not used for longest, until what is left in the folder has at most so many bytes."""
    for place in folder.glob("*/"):
        remove_leftovers(place)
    found = [(status.st_mtime_ns, status.st_size, path) for path in folder.rglob("*.glb") for status in [path.stat()]]
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
