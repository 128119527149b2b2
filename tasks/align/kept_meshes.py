"""Meshes of a shard under way, on disk: a stage that was killed does not ask for them again, and its samples hold the same bytes.

A generator takes a minute and may answer otherwise the second time; charts of a reduced mesh differ from run to run. So the first mesh of a
subject that is kept is the one. The folder of a shard lasts until its row is written.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from data_specs.ids import check_id
from models.geometry.glb_reader import read_glb
from tasks.align.mesh_preparation import PreparedMesh


class KeptMeshes:
    """The meshes of one shard, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, subject_id: str) -> tuple[str, PreparedMesh] | None:
        """Origin and mesh of a subject, where they are kept."""
        path = next(iter(sorted(self._folder.glob(f"{check_id(subject_id)}.*.glb"))), None)
        if path is None:
            return None
        glb = path.read_bytes()
        return path.name.split(".")[1], PreparedMesh(read_glb(glb), glb, repeatable=False)

    def keep(self, subject_id: str, origin: str, prepared: PreparedMesh) -> PreparedMesh:
        """Keep a mesh; the one that was kept first where somebody else was quicker."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".") as file:
            file.write(prepared.glb)
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(file.name, self._folder / f"{check_id(subject_id)}.{check_id(origin)}.glb")
        kept = self.find(subject_id)
        assert kept is not None, "it was linked above, by us or by somebody else"
        return kept[1] if kept[1].glb != prepared.glb else prepared

    def forget(self) -> None:
        """The shard is written: nobody needs its meshes any more."""
        shutil.rmtree(self._folder, ignore_errors=True)
