"""Small glTF files made by hand, so that each test says exactly what is in the file."""

import base64
import json
import struct
from typing import Any

import numpy as np

COMPONENTS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
QUAD = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
QUAD_FACES = np.array([0, 1, 2, 0, 2, 3], np.uint16)
QUAD_UV = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)


class GltfFile:
    """A glTF tree and its binary chunk under construction."""

    def __init__(self) -> None:
        self.tree: dict[str, Any] = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}]}
        self.tree |= {key: [] for key in ("meshes", "accessors", "bufferViews", "materials", "textures", "images", "samplers")}
        self.binary = b""

    def view(self, data: bytes, **extra: Any) -> int:
        self.tree["bufferViews"].append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)} | extra)
        self.binary += data + b"\0" * (-len(data) % 4)
        return len(self.tree["bufferViews"]) - 1

    def accessor(self, values: np.ndarray, **extra: Any) -> int:
        values = np.asarray(values)
        width = 1 if values.ndim == 1 else values.shape[1]
        entry = {"componentType": COMPONENTS[values.dtype.name], "count": len(values), "type": TYPES[width]}
        self.tree["accessors"].append(entry | {"bufferView": self.view(values.tobytes())} | extra)
        return len(self.tree["accessors"]) - 1

    def mesh(self, *primitives: dict[str, Any], **extra: Any) -> "GltfFile":
        self.tree["meshes"].append({"primitives": list(primitives)} | extra)
        return self

    def quad(self, **extra: Any) -> dict[str, Any]:
        attributes = {"POSITION": self.accessor(QUAD), "TEXCOORD_0": self.accessor(QUAD_UV)}
        return {"attributes": attributes, "indices": self.accessor(QUAD_FACES)} | extra

    def texture(self, encoded: bytes, **sampler: int) -> int:
        self.tree["images"].append({"bufferView": self.view(encoded), "mimeType": "image/png"})
        self.tree["samplers"].append(sampler)
        self.tree["textures"].append({"source": len(self.tree["images"]) - 1, "sampler": len(self.tree["samplers"]) - 1})
        return len(self.tree["textures"]) - 1

    def material(self, **entry: Any) -> int:
        self.tree["materials"].append(entry)
        return len(self.tree["materials"]) - 1

    def glb(self) -> bytes:
        self.tree["buffers"] = [{"byteLength": len(self.binary)}]
        text = json.dumps({key: value for key, value in self.tree.items() if value != []}).encode()
        text += b" " * (-len(text) % 4)
        total = 28 + len(text) + len(self.binary)
        head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A)
        return head + text + struct.pack("<II", len(self.binary), 0x004E4942) + self.binary

    def gltf(self) -> bytes:
        uri = "data:application/octet-stream;base64," + base64.b64encode(self.binary).decode()
        self.tree["buffers"] = [{"byteLength": len(self.binary), "uri": uri}]
        return json.dumps({key: value for key, value in self.tree.items() if value != []}).encode()
