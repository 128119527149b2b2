"""Numbers of a glTF file: buffers, buffer views (meshopt too) and accessors as numpy arrays, every bound checked before use."""

from typing import Any

import meshoptimizer
import numpy as np

from models.geometry.gltf_document import Document, extension
from models.geometry.mesh_error import MeshError
from models.geometry.references import load_uri

COMPONENTS = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
MAX_ELEMENTS = 20_000_000
"""Elements of one accessor: far above the largest mesh that is kept, far below what memory allows."""
_FILTERS = {
    "OCTAHEDRAL": meshoptimizer.decode_filter_oct,
    "QUATERNION": meshoptimizer.decode_filter_quat,
    "EXPONENTIAL": meshoptimizer.decode_filter_exp,
}


def whole(entry: dict[str, Any], key: str, default: int | None = None, limit: int = 2**40) -> int:
    """A non-negative integer of a glTF entry; raises MeshError `bad_json` when it is missing, negative or not a number."""
    value = entry.get(key, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise MeshError("bad_json", f"{key} must be an integer in 0..{limit}, not {str(value)[:40]!r}")
    return value


class Accessors:
    """Reads accessors of one document; buffers and decoded views are kept for the life of the object."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._buffers: dict[int, memoryview] = {}
        self._views: dict[int, memoryview] = {}

    def view(self, index: Any) -> memoryview:
        """The bytes of a buffer view, decompressed where EXT_meshopt_compression says so."""
        entry = self.document.item("bufferViews", index)
        if index not in self._views:
            packed = extension(entry, "EXT_meshopt_compression")
            self._views[index] = self._slice(entry) if packed is None else _unpack(packed, self._slice(packed))
        return self._views[index]

    def read(self, index: Any, types: tuple[str, ...]) -> np.ndarray:
        """An accessor as a (count, width) array; normalised integers come out as float32 in [0, 1] or [-1, 1].

        types: the glTF types that make sense here. Raises MeshError for wrong types and anything beyond its buffer.
        """
        entry = self.document.item("accessors", index)
        dtype, width = _layout(entry, types)
        values = self._dense(entry, dtype, width)
        if "sparse" in entry:
            values = self._patch(values.copy(), entry["sparse"])
        return normalised(values) if entry.get("normalized") else values

    def _dense(self, entry: dict[str, Any], dtype: np.dtype, width: int) -> np.ndarray:
        count, size = whole(entry, "count", limit=MAX_ELEMENTS), dtype.itemsize * width
        if "bufferView" not in entry:
            return np.zeros((count, width), dtype)
        stride = whole(self.document.item("bufferViews", entry["bufferView"]), "byteStride", size) or size
        return _strided(self.view(entry["bufferView"]), whole(entry, "byteOffset", 0), (count, width), dtype, stride)

    def _patch(self, values: np.ndarray, sparse: dict[str, Any]) -> np.ndarray:
        count = whole(sparse, "count", limit=len(values))
        kind = COMPONENTS.get(sparse["indices"].get("componentType"))
        if kind not in (np.uint8, np.uint16, np.uint32):
            raise MeshError("bad_json", "sparse accessor indices must be unsigned integers")
        places = self._packed(sparse["indices"], (count, 1), np.dtype(kind))[:, 0]
        if count and int(places.max()) >= len(values):
            raise MeshError("index_out_of_range", f"sparse accessor writes element {int(places.max())} of {len(values)}")
        values[places] = self._packed(sparse["values"], (count, values.shape[1]), values.dtype)
        return values

    def _packed(self, part: dict[str, Any], shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
        return _strided(self.view(part.get("bufferView")), whole(part, "byteOffset", 0), shape, dtype, dtype.itemsize * shape[1])

    def _slice(self, entry: dict[str, Any]) -> memoryview:
        buffer = self._buffer(entry.get("buffer"))
        start, size = whole(entry, "byteOffset", 0), whole(entry, "byteLength")
        if start + size > len(buffer):
            raise MeshError("out_of_bounds", f"a buffer view ends at byte {start + size} of a buffer of {len(buffer)}: the file is cut or broken")
        return buffer[start : start + size]

    def _buffer(self, index: Any) -> memoryview:
        entry = self.document.item("buffers", index)
        if index not in self._buffers:
            self._buffers[index] = self._load(index, entry)
        return self._buffers[index]

    def _load(self, index: int, entry: dict[str, Any]) -> memoryview:
        if "uri" in entry:
            data = memoryview(load_uri(str(entry["uri"]), self.document.resolve))
        elif index == 0 and self.document.chunk is not None:
            data = self.document.chunk
        else:
            raise MeshError("missing_buffer", f"buffers[{index}] has neither a uri nor a GLB chunk")
        if len(data) < whole(entry, "byteLength"):
            raise MeshError("truncated", f"buffers[{index}] should have {entry['byteLength']} bytes and has {len(data)}")
        return data


def normalised(values: np.ndarray) -> np.ndarray:
    """Integers as glTF normalises them: unsigned to [0, 1], signed to [-1, 1], float32; floats are left alone."""
    if values.dtype.kind == "f":
        return values
    scaled = values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
    return np.maximum(scaled, np.float32(-1.0)) if values.dtype.kind == "i" else scaled


def _layout(entry: dict[str, Any], types: tuple[str, ...]) -> tuple[np.dtype, int]:
    kind, component = entry.get("type"), entry.get("componentType")
    if kind not in types or component not in COMPONENTS:
        raise MeshError("bad_accessor", f"an accessor of type {str(kind)[:20]}/{str(component)[:20]} stands where {' or '.join(types)} belongs")
    return np.dtype(COMPONENTS[component]), WIDTHS[kind]


def _strided(view: memoryview, offset: int, shape: tuple[int, int], dtype: np.dtype, stride: int) -> np.ndarray:
    size = dtype.itemsize * shape[1]
    if stride < size:
        raise MeshError("bad_accessor", f"byteStride {stride} is smaller than an element of {size} bytes")
    if shape[0] and offset + (shape[0] - 1) * stride + size > len(view):
        raise MeshError("out_of_bounds", f"an accessor of {shape[0]} elements needs more than the {len(view)} bytes of its buffer view")
    if not shape[0]:
        return np.zeros(shape, dtype)
    return np.ndarray(shape, dtype, buffer=view, offset=offset, strides=(stride, dtype.itemsize))


def _unpack(packed: dict[str, Any], data: memoryview) -> memoryview:
    count, stride = whole(packed, "count", limit=MAX_ELEMENTS), whole(packed, "byteStride", limit=256)
    mode, coding = str(packed.get("mode")), str(packed.get("filter", "NONE"))
    try:
        if mode == "ATTRIBUTES":
            values = meshoptimizer.decode_vertex_buffer(count, stride, data).view(np.uint8)
            if coding != "NONE":
                values = _FILTERS[coding](values, count, stride)
        else:
            decode = {"TRIANGLES": meshoptimizer.decode_index_buffer, "INDICES": meshoptimizer.decode_index_sequence}[mode]
            # Always decoded as 32 bit: the binding allocates 32 bits per index whatever size it is asked for.
            values = decode(count, 4, data).astype({2: np.uint16, 4: np.uint32}[stride])
    except (ValueError, RuntimeError, KeyError) as error:
        raise MeshError("bad_compression", f"EXT_meshopt_compression ({mode[:20]}, {coding[:20]}) does not decode: {error}") from None
    return memoryview(values.tobytes())
