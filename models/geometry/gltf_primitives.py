"""Primitives of a glTF mesh: triangles out of every mode, vertex attributes plain or Draco-compressed, morph weights applied."""

from typing import Any

import DracoPy
import numpy as np

from models.geometry.gltf_accessors import Accessors, normalised
from models.geometry.gltf_document import extension
from models.geometry.mesh_error import MeshError

TRIANGLES, STRIP, FAN = 4, 5, 6
ATTRIBUTE_TYPES = {
    "POSITION": ("VEC3",),
    "NORMAL": ("VEC3",),
    "TEXCOORD": ("VEC2",),
    "COLOR": ("VEC3", "VEC4"),
    "JOINTS": ("VEC4",),
    "WEIGHTS": ("VEC4",),
}


class PrimitiveSource:
    """The arrays of one primitive.

    accessors: of the document. primitive: the glTF entry. weights: one per morph target. Draco data is decoded at most once.
    """

    def __init__(self, accessors: Accessors, primitive: dict[str, Any], weights: list[float]) -> None:
        self._accessors, self._primitive, self._weights = accessors, primitive, weights
        self.names: dict[str, Any] = primitive.get("attributes", {})
        self._packed = extension(primitive, "KHR_draco_mesh_compression")
        self._decoded = None if self._packed is None else _decode_draco(bytes(accessors.view(self._packed.get("bufferView"))))

    def triangles(self, vertices: int) -> np.ndarray:
        """(F, 3) int64 vertex indices, checked against the number of vertices; none for points and lines."""
        mode = self._primitive.get("mode", TRIANGLES)
        if mode not in (TRIANGLES, STRIP, FAN):
            return np.zeros((0, 3), np.int64)
        if self._decoded is not None:
            corners, mode = np.asarray(self._decoded.faces, np.int64).reshape(-1), TRIANGLES
        elif "indices" in self._primitive:
            values = self._accessors.read(self._primitive["indices"], ("SCALAR",))
            if values.dtype.kind != "u":
                raise MeshError("bad_accessor", "indices must be unsigned integers")
            corners = values[:, 0].astype(np.int64)
        else:
            corners = np.arange(vertices, dtype=np.int64)
        if len(corners) and (int(corners.max()) >= vertices or int(corners.min()) < 0):
            raise MeshError("index_out_of_range", f"a face uses vertex {int(corners.max())}, but there are only {vertices}")
        return _triangles(corners, mode)

    def attribute(self, name: str) -> np.ndarray | None:
        """An attribute as (V, width) with morph targets at their default weights, or None. Integers stay integers unless normalised."""
        if name not in self.names:
            return None
        values = self._base(name)
        for weight, target in zip(self._weights, self._primitive.get("targets", [])):
            if name in target and weight:
                change = self._accessors.read(target[name], ATTRIBUTE_TYPES[name.split("_")[0]])
                if change.shape != values.shape:
                    raise MeshError("bad_accessor", f"a morph target of {name} has {len(change)} elements, the mesh {len(values)}")
                values = values.astype(np.float32) + np.float32(weight) * change.astype(np.float32)
        return values

    def _base(self, name: str) -> np.ndarray:
        if self._decoded is None or self._packed is None or name not in self._packed.get("attributes", {}):
            return self._accessors.read(self.names[name], ATTRIBUTE_TYPES[name.split("_")[0]])
        found = self._decoded.get_attribute_by_unique_id(self._packed["attributes"][name])
        entry = self._accessors.document.item("accessors", self.names[name])
        if found is None or len(found["data"]) != entry.get("count"):
            raise MeshError("bad_compression", f"Draco data and accessor of {name} disagree on the number of vertices")
        values = np.asarray(found["data"])
        return normalised(values) if entry.get("normalized") else values


def _decode_draco(data: bytes) -> Any:
    try:
        decoded = DracoPy.decode(data)
    except Exception as error:  # the binding raises its own classes, and RuntimeError and ValueError
        raise MeshError("bad_compression", f"Draco data does not decode: {error}") from None
    if not hasattr(decoded, "faces"):
        raise MeshError("no_faces", "the Draco data is a point cloud")
    return decoded


def _triangles(corners: np.ndarray, mode: int) -> np.ndarray:
    if mode == TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    if len(corners) < 3:
        return np.zeros((0, 3), np.int64)
    if mode == FAN:
        return np.stack([np.broadcast_to(corners[:1], len(corners) - 2), corners[1:-1], corners[2:]], axis=1)
    strip = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
    strip[1::2] = strip[1::2][:, [1, 0, 2]]  # every second triangle of a strip is wound the other way
    return strip
