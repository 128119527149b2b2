"""Any mesh file that is taken in, by its ending: GLB, glTF, OBJ, OFF by our own readers; PLY and STL by trimesh behind checks."""

import io
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from data_specs.asset import Material, Mesh
from models.geometry.glb_reader import read_gltf
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import ReadMesh
from models.geometry.obj_reader import read_obj
from models.geometry.off_reader import read_off
from models.geometry.references import Resolve, no_files, relative_path
from models.geometry.text_decoding import linear_from_srgb
from models.geometry.texture_image import decode_texture

UP_IS_Y = frozenset({".glb", ".gltf"})
"""Formats whose standard fixes the up axis; for the others the catalogue says it."""

_PLY_SIZES = {"char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2, "uint16": 2}
_PLY_SIZES |= {"int": 4, "uint": 4, "int32": 4, "uint32": 4, "float": 4, "float32": 4, "double": 8, "float64": 8}


def read_mesh(name: str, data: bytes, resolve: Resolve = no_files, max_faces: int = 10_000_000) -> ReadMesh:
    """Read a mesh file of any known format.

    name: the file's name, for its ending. resolve: gives the bytes of files that it refers to.
    Raises MeshError (a ValueError) naming the rule that the file broke.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in _READERS:
        raise MeshError("unsupported_format", f"{suffix or name!r} is not read: use {', '.join(sorted(_READERS))}")
    if not data:
        raise MeshError("empty_file", "the file has no bytes")
    return _READERS[suffix](data, resolve, max_faces)


def read_ply(data: bytes, resolve: Resolve = no_files, max_faces: int = 10_000_000) -> ReadMesh:
    """Read a PLY file with vertex or face colours (sRGB bytes) and a texture. Raises MeshError."""
    texture = _check_ply_header(data, max_faces)
    encoded = b"" if texture is None else _ply_texture(texture, resolve)
    loaded = _load_trimesh(data, "ply", _OneFile(encoded) if encoded else None)
    uv = getattr(loaded.visual, "uv", None)
    colours = None
    if uv is None and loaded.visual.kind == "face":
        loaded.unmerge_vertices()
        colours = np.repeat(loaded.visual.face_colors, 3, axis=0)
    elif uv is None and loaded.visual.kind == "vertex":
        colours = loaded.visual.vertex_colors
    material = Material(texture=decode_texture(encoded), encoded=encoded) if encoded and uv is not None else Material()
    mesh = Mesh(
        vertices=np.asarray(loaded.vertices, np.float32),
        faces=np.asarray(loaded.faces, np.int32),
        normals=np.asarray(loaded.vertex_normals, np.float32) if "vertex_normals" in loaded._cache else None,
        uv=None if uv is None else np.column_stack([uv[:, 0], 1.0 - uv[:, 1]]).astype(np.float32),
        vertex_colours=None if colours is None else _linear_rgba(np.asarray(colours)),
        materials=(material,),
    )
    return ReadMesh(mesh, [])


def read_stl(data: bytes, max_faces: int = 10_000_000) -> ReadMesh:
    """Read a binary or text STL file; it has no colours. Raises MeshError."""
    claimed = int.from_bytes(data[80:84], "little") if len(data) >= 84 else 0
    if data[:5].lower() != b"solid" and 84 + 50 * claimed != len(data):
        raise MeshError("absurd_count", f"the STL header claims {claimed} triangles, the file has {len(data)} bytes")
    loaded = _load_trimesh(data, "stl", None)
    if len(loaded.faces) > max_faces:
        raise MeshError("too_many_faces", f"{len(loaded.faces)} faces: at most {max_faces} (assets.max_faces)")
    return ReadMesh(Mesh(np.asarray(loaded.vertices, np.float32), np.asarray(loaded.faces, np.int32)), [])


_READERS: dict[str, Callable[[bytes, Resolve, int], ReadMesh]] = {
    ".glb": read_gltf,
    ".gltf": read_gltf,
    ".obj": read_obj,
    ".ply": read_ply,
    ".stl": lambda data, _, max_faces: read_stl(data, max_faces),
    ".off": lambda data, _, max_faces: read_off(data, max_faces),
}
MESH_SUFFIXES = frozenset(_READERS)


class _OneFile:
    """trimesh's resolver protocol over the one texture that was already fetched."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def get(self, name: str) -> bytes:
        return self._data


def _load_trimesh(data: bytes, form: str, resolver: Any) -> Any:
    import trimesh  # loads scipy: only the formats that need it pay

    try:
        loaded = trimesh.load(io.BytesIO(data), file_type=form, process=False, maintain_order=True, resolver=resolver)
    except Exception as error:  # trimesh raises whatever its parser meets
        raise MeshError("wrong_content", f"not a readable {form.upper()} file ({type(error).__name__}: {error})") from None
    if isinstance(loaded, trimesh.Scene) and len(loaded.geometry) == 1:
        loaded = next(iter(loaded.geometry.values()))
    if not isinstance(loaded, trimesh.Trimesh) or not len(loaded.faces):
        raise MeshError("no_faces", f"the {form.upper()} file has no faces")
    return loaded


def _check_ply_header(data: bytes, max_faces: int) -> str | None:
    """Refuse counts that the file cannot hold; returns the name of the texture file, if there is one."""
    end = data.find(b"end_header", 0, 1 << 16)
    if not data.startswith(b"ply") or end < 0:
        raise MeshError("wrong_content", f"not a PLY file: it begins with {data[:40]!r}")
    header = data[:end].decode("latin-1")
    least, count = 0, 0
    for line in header.splitlines():
        words = line.split()
        if words[:1] == ["element"] and len(words) == 3:
            count = int(words[2]) if words[2].isdigit() else -1
            if count < 0 or (words[1] == "face" and count > max_faces):
                rule = "absurd_count" if count < 0 else "too_many_faces"
                raise MeshError(rule, f"the header claims {words[2][:40]} {words[1][:20]} elements: at most {max_faces}")
        elif words[:1] == ["property"] and len(words) >= 3:
            # A list has at least its count; a number in text at least a digit and a space.
            least += count * (_PLY_SIZES.get(words[2] if words[1] == "list" else words[1], 1) if "format binary" in header else 2)
    if least > len(data) - end:
        raise MeshError("absurd_count", f"the header claims at least {least} bytes of data, the file has {len(data) - end}")
    found = re.search(r"comment\s+texturefile\s+(.+)", header, re.IGNORECASE)
    return found.group(1).strip() if found else None


def _ply_texture(name: str, resolve: Resolve) -> bytes:
    try:
        return resolve(relative_path(name))
    except MeshError as error:
        rule = "missing_texture" if error.rule == "missing_file" else error.rule
        raise MeshError(rule, f"texture {name!r}: {error}") from None


def _linear_rgba(colours: np.ndarray) -> np.ndarray:
    unit = colours.astype(np.float32) / 255.0
    return np.column_stack([linear_from_srgb(unit[:, :3]), unit[:, 3]]).astype(np.float32)
