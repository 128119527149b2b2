"""`Mesh` to a clean GLB: one buffer, shared vertices, one primitive per material, textures embedded; the same mesh gives the same bytes."""

import json
import struct
from typing import Any

import numpy as np

from data_specs.asset import Material, Mesh
from models.geometry.gltf_document import BINARY_CHUNK, GLB_MAGIC, JSON_CHUNK
from models.geometry.texture_image import encode_texture

_WRAPS = {"repeat": 10497, "clamp": 33071, "mirror": 33648}
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963


def write_glb(mesh: Mesh) -> bytes:
    """Serialise a mesh to binary glTF 2.0 that `glb_reader.read_glb` and any viewer reads back.

    Faces are grouped by material; materials without faces are left out. Factors are linear, textures sRGB, as in `Mesh`.
    """
    writer = _Writer()
    attributes = {"POSITION": writer.accessor(mesh.vertices, "VEC3", bounds=True)}
    for name, values, kind in (("NORMAL", mesh.normals, "VEC3"), ("TEXCOORD_0", mesh.uv, "VEC2"), ("COLOR_0", mesh.vertex_colours, "VEC4")):
        if values is not None:
            attributes[name] = writer.accessor(values, kind)
    places = np.zeros(len(mesh.faces), np.int32) if mesh.face_material is None else mesh.face_material
    primitives = [
        {"attributes": attributes, "indices": writer.indices(mesh.faces[places == place], len(mesh.vertices)), "material": number, "mode": 4}
        for number, place in enumerate(np.unique(places))
    ]
    materials = [writer.material(mesh.materials[place]) for place in np.unique(places)]
    return writer.finish(primitives, materials)


class _Writer:
    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []
        self._samplers: list[dict[str, Any]] = []
        self._textures: list[dict[str, int]] = []
        self._image_places: dict[bytes, int] = {}
        self._encoded: dict[int, bytes] = {}

    def accessor(self, values: np.ndarray, kind: str, bounds: bool = False) -> int:
        entry: dict[str, Any] = {"componentType": 5126, "count": len(values), "type": kind}
        entry["bufferView"] = self._view(np.ascontiguousarray(values, "<f4").tobytes(), _ARRAY_BUFFER)
        if bounds:
            entry |= {"min": values.min(axis=0).astype(float).tolist(), "max": values.max(axis=0).astype(float).tolist()}
        return _appended(self._accessors, entry)

    def indices(self, faces: np.ndarray, vertices: int) -> int:
        small = vertices < 65535
        view = self._view(np.ascontiguousarray(faces, "<u2" if small else "<u4").tobytes(), _ELEMENT_BUFFER)
        return _appended(self._accessors, {"bufferView": view, "componentType": 5123 if small else 5125, "count": faces.size, "type": "SCALAR"})

    def material(self, material: Material) -> dict[str, Any]:
        base: dict[str, Any] = {"baseColorFactor": material.factor.astype(float).tolist(), "metallicFactor": 0.0, "roughnessFactor": 1.0}
        if material.texture is not None:
            base["baseColorTexture"] = {"index": self._texture(material)}
        entry = {"pbrMetallicRoughness": base, "alphaMode": material.alpha_mode.upper(), "doubleSided": material.double_sided}
        return entry | ({"alphaCutoff": float(material.alpha_cutoff)} if material.alpha_mode == "mask" else {})

    def _texture(self, material: Material) -> int:
        wrap = _WRAPS[material.wrap]
        sampler = _placed(self._samplers, {"magFilter": 9729, "minFilter": 9987, "wrapS": wrap, "wrapT": wrap})
        return _placed(self._textures, {"sampler": sampler, "source": self._image(material)})

    def _image(self, material: Material) -> int:
        assert material.texture is not None
        is_jpeg = material.encoded[:3] == b"\xff\xd8\xff"
        data = material.encoded if is_jpeg else self._png(material.texture)
        if data not in self._image_places:
            entry = {"bufferView": self._view(data, None), "mimeType": "image/jpeg" if is_jpeg else "image/png"}
            self._image_places[data] = _appended(self._images, entry)
        return self._image_places[data]

    def _png(self, texture: np.ndarray) -> bytes:
        """Our own encoding whatever the file was: it is read up to ten times as fast, which every render of the mesh repays."""
        if id(texture) not in self._encoded:
            self._encoded[id(texture)] = encode_texture(texture)
        return self._encoded[id(texture)]

    def _view(self, data: bytes, target: int | None) -> int:
        entry: dict[str, Any] = {"buffer": 0, "byteOffset": self._size, "byteLength": len(data)}
        self._parts.append(data + b"\0" * (-len(data) % 4))
        self._size += len(self._parts[-1])
        return _appended(self._views, entry | ({} if target is None else {"target": target}))

    def finish(self, primitives: list[dict[str, Any]], materials: list[dict[str, Any]]) -> bytes:
        tree: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "atelier3d"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": primitives}],
            "materials": materials,
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": self._size}],
        }
        tree |= {"images": self._images, "samplers": self._samplers, "textures": self._textures} if self._images else {}
        text = json.dumps(tree, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + self._size
        head = struct.pack("<III", GLB_MAGIC, 2, total) + struct.pack("<II", len(text), JSON_CHUNK)
        return b"".join([head, text, struct.pack("<II", self._size, BINARY_CHUNK), *self._parts])


def _appended(entries: list[Any], entry: Any) -> int:
    entries.append(entry)
    return len(entries) - 1


def _placed(entries: list[Any], entry: Any) -> int:
    return entries.index(entry) if entry in entries else _appended(entries, entry)
