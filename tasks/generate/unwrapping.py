"""An atlas for any mesh: its own texture coordinates, else charts made in a child process with limits, else a triangle for every face."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from data_specs.asset import Mesh
from models.geometry.uv_atlas import triangle_atlas, uv_fault
from tasks.child_process import OUT_OF_MEMORY, bare_environment

MESSAGE_CHARACTERS = 300


@dataclass(frozen=True)
class Atlas:
    """Where every face lies in a texture.

    corner_uv: (F, 3, 2) float64 in [0, 1], origin top left. made: the mesh's own, charts of xatlas, or one triangle for each face.
    notes: why it is not the choice before.
    """

    corner_uv: np.ndarray
    made: Literal["own", "charts", "triangles"]
    notes: list[str] = field(default_factory=list)


class UnwrapError(RuntimeError):
    """No charts could be made; the text says why."""


def choose_atlas(mesh: Mesh, side: int, timeout_s: float, memory_mb: int) -> Atlas:
    """The best atlas that can be had. side: texels of the texture. Raises ValueError when the faces do not even fit as single triangles."""
    fault = uv_fault(mesh)
    if not fault:
        assert mesh.uv is not None
        return Atlas(mesh.uv[mesh.faces].astype(np.float64).clip(0.0, 1.0), "own")
    note = f"new texture coordinates: {fault}"
    try:
        return Atlas(unwrap_in_child(mesh, side, timeout_s, memory_mb), "charts", [note])
    except UnwrapError as error:
        fallback = f"every face has a triangle of its own in the texture: unwrapping failed ({error})"
        return Atlas(triangle_atlas(len(mesh.faces), side), "triangles", [note, fallback])


def unwrap_in_child(mesh: Mesh, side: int, timeout_s: float, memory_mb: int) -> np.ndarray:
    """`models.geometry.unwrapping.unwrap` in a process with so much address space that is ended after `timeout_s`. Raises UnwrapError."""
    with tempfile.TemporaryDirectory(prefix="atelier3d-") as folder:
        np.save(Path(folder, "vertices.npy"), mesh.vertices)
        np.save(Path(folder, "faces.npy"), mesh.faces)
        command = [sys.executable, "-m", "tasks.generate.unwrap_worker", folder, str(side), str(memory_mb << 20)]
        try:
            done = subprocess.run(command, env=bare_environment(), capture_output=True, text=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            raise UnwrapError(f"it takes longer than {timeout_s:g} s, generate.unwrap_timeout_s") from None
        if done.returncode == OUT_OF_MEMORY:
            raise UnwrapError(f"it needs more memory than {memory_mb} MB, assets.memory_mb")
        if done.returncode < 0:  # xatlas does not ask whether it was given memory
            raise UnwrapError(f"it was ended by signal {-done.returncode}, perhaps for want of memory: {memory_mb} MB, assets.memory_mb")
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise UnwrapError(last[:MESSAGE_CHARACTERS])
        return np.load(Path(folder, "corner_uv.npy"), allow_pickle=False)
