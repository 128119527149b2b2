"""The child process that reads strangers' files: limits on itself first, then one request after the other until its input ends.

Frames on both pipes: 4 bytes little-endian length of a JSON object, the JSON, and (answers only) as many bytes of clean GLB as it says.
"""

import json
import math
import os
import resource
import stat
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

import cv2

from data_specs.ids import sha256_bytes
from models.geometry.glb_writer import write_glb
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import CanonicalMesh, canonical
from models.geometry.mesh_reader import read_mesh
from models.geometry.references import relative_path
from models.geometry.texture_image import limit_textures
from tasks.child_process import limit_process

MAX_COMPANIONS = 256


class Folder:
    """Reads files inside one folder and nowhere else; symbolic links may not lead out, devices and pipes are no files."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._left, self._count = path.resolve(), max_bytes, 0

    def read(self, relative: str) -> bytes:
        """The bytes of a file. Raises MeshError `unsafe_uri`, `missing_file` or `file_too_large`; the budget is shared by all files read."""
        path = (self._path / relative_path(relative)).resolve()
        if not path.is_relative_to(self._path):
            raise MeshError("unsafe_uri", f"{relative!r} is a link that leads out of its folder")
        try:
            found = path.stat()
        except OSError:
            raise MeshError("missing_file", f"{relative!r} does not exist beside the file") from None
        if not stat.S_ISREG(found.st_mode):
            raise MeshError("missing_file", f"{relative!r} is not a file")
        self._left, self._count = self._left - found.st_size, self._count + 1
        if self._left < 0 or self._count > MAX_COMPANIONS:
            raise MeshError("file_too_large", f"{relative!r} has {found.st_size} bytes: more than assets.max_file_mb allows")
        return path.read_bytes()


def read_clean(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Do one request: read, clean, normalise, write. Raises MeshError."""
    path = Path(request["root"], relative_path(request["name"]))
    root = Path(request["root"]).resolve()
    if not path.resolve().is_relative_to(root):
        raise MeshError("unsafe_uri", f"{request['name']!r} is a link that leads out of the catalogue's folder")
    folder = Folder(path.parent, request["max_file_bytes"])
    data = folder.read(path.name)
    if request["sha256"] and sha256_bytes(data) != request["sha256"]:
        raise MeshError("sha256", f"{request['name']!r} has the sha256 {sha256_bytes(data)}, the catalogue says {request['sha256']}")
    read = read_mesh(path.name, data, folder.read, request["max_faces"])
    clean = canonical(limit_textures(read.mesh, request["max_texture_pixels"]), request["up_axis"], request["front"])
    return _describe(clean, read.warnings), write_glb(clean.mesh)


def _describe(clean: CanonicalMesh, warnings: list[str]) -> dict[str, Any]:
    mesh = clean.mesh
    return {
        "scale": clean.source_from_object_scale,
        "offset": list(clean.source_from_object_offset),
        "faces": len(mesh.faces),
        "vertices": len(mesh.vertices),
        "materials": len(mesh.materials),
        "textures": len({id(material.texture) for material in mesh.materials if material.texture is not None}),
        "warnings": [*warnings, *clean.warnings],
    }


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        return read_clean(request)
    except MeshError as error:
        return {"rule": error.rule, "message": str(error)}, b""
    except RecursionError:
        return {"rule": "bad_structure", "message": "the file is nested too deeply"}, b""
    except Exception as error:  # a library's own exception: the file is dropped, the child lives on
        if isinstance(error, MemoryError) or (isinstance(error, cv2.error) and error.code == cv2.Error.STS_NO_MEM):
            return {"rule": "memory", "message": "reading it needs more memory than assets.memory_mb allows"}, b""
        return {"rule": "unreadable", "message": f"{type(error).__name__}: {error}"[:500]}, b""


def _limit_cpu(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _send(pipe: BinaryIO, head: dict[str, Any], body: bytes) -> None:
    text = json.dumps(head | {"size": len(body)}).encode()
    pipe.write(struct.pack("<I", len(text)) + text)
    pipe.write(body)
    pipe.flush()


def main() -> None:
    """Serve requests from standard input; `sandbox_worker MEMORY_BYTES`."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not land among the answers
    requests = sys.stdin.buffer
    limit_process(int(sys.argv[1]))
    _send(answers, {"ready": True}, b"")
    while len(prefix := requests.read(4)) == 4:
        request = json.loads(requests.read(struct.unpack("<I", prefix)[0]))
        _limit_cpu(request["timeout_s"])
        head, body = _answer(request)
        _send(answers, head, body)
        if head.get("rule") == "memory":
            return  # what the allocator holds now is anybody's guess: start afresh


if __name__ == "__main__":
    main()
