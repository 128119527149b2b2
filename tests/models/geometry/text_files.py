"""Text meshes made by hand, read with the files beside them given as keywords (`a_mtl` stands for `a.mtl`)."""

import numpy as np
import pytest

from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import ReadMesh
from models.geometry.mesh_reader import read_mesh

PICTURE = np.zeros((4, 4, 4), np.uint8) + np.array([200, 100, 50, 255], np.uint8)
SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nvn 0 0 1\n"


def read(name: str, text: str | bytes, **files: bytes) -> ReadMesh:
    def resolve(path: str) -> bytes:
        key = path.replace(".", "_")
        if key not in files:
            raise MeshError("missing_file", path)
        return files[key]

    return read_mesh(name, text.encode() if isinstance(text, str) else text, resolve)


def rule_of(name: str, text: str | bytes, **files: bytes) -> str:
    with pytest.raises(MeshError) as caught:
        read(name, text, **files)
    return caught.value.rule
