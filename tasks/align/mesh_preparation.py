"""What a mesh generator returned, made fit for use: read as a stranger's file, canonical, with few enough faces and a texture."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from data_specs.asset import Mesh
from data_specs.ids import sha256_bytes
from data_specs.params import AssetsParams
from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_reduction import fit_mesh
from models.perception.base import Miss
from tasks.sandbox import ReadRequest, read_in_sandbox

FILE = "mesh.glb"
REMEMBERED = 16


@dataclass(frozen=True)
class ReadLimits:
    """Of the process that reads a file: those of the stage `assets`."""

    max_faces: int
    max_texture_pixels: int
    max_file_mb: int
    memory_mb: int
    timeout_s: float

    @staticmethod
    def of(params: AssetsParams) -> "ReadLimits":
        """The limits of the parameters."""
        return ReadLimits(params.max_faces, params.max_texture_pixels, params.max_file_mb, params.memory_mb, params.timeout_s)


class MeshPreparation:
    """Prepares meshes one by one, the same file always to the same bytes; the last few are remembered, for `nearest_asset` finds them again."""

    def __init__(self, limits: ReadLimits, max_faces: int, texture_pixels: int) -> None:
        self._limits, self._max_faces, self._texture_pixels = limits, max_faces, texture_pixels
        self._known: dict[str, Mesh | Miss] = {}

    def prepare(self, glb: bytes) -> Mesh | Miss:
        """The mesh of a file, or a Miss of the rule that the file breaks (`models/geometry/mesh_error.py`)."""
        digest = sha256_bytes(glb)
        if digest not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[digest] = self._prepare(glb)
        return self._known[digest]

    def _prepare(self, glb: bytes) -> Mesh | Miss:
        limits = self._limits
        with tempfile.TemporaryDirectory(prefix="atelier3d-") as folder:
            Path(folder, FILE).write_bytes(glb)
            size = limits.max_file_mb << 20
            request = ReadRequest(folder, FILE, max_faces=limits.max_faces, max_texture_pixels=limits.max_texture_pixels, max_file_bytes=size)
            try:
                clean = read_in_sandbox(request, limits.memory_mb, limits.timeout_s)
            except MeshError as error:
                return Miss(error.rule, f"the generated mesh: {error}")
        try:
            mesh = read_glb(clean.glb)
            fitted = fit_mesh(mesh, self._max_faces, self._texture_pixels)
        except (MeshError, ValueError) as error:
            return Miss("mesh_reduction", f"the generated mesh cannot be reduced to {self._max_faces} faces: {error}")
        if fitted is mesh:
            return mesh
        return read_glb(write_glb(fitted))  # as it will be read back from a sample
