"""The outer shell of glTF 2.0: GLB chunks, the JSON tree, checked look-ups, required extensions."""

import json
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from models.geometry.mesh_error import MeshError
from models.geometry.references import Resolve, relative_path

GLB_MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942

READ_EXTENSIONS = frozenset(
    {
        "KHR_draco_mesh_compression",
        "EXT_meshopt_compression",
        "KHR_mesh_quantization",
        "KHR_texture_transform",
        "KHR_materials_pbrSpecularGlossiness",
        "KHR_materials_unlit",
        "EXT_texture_webp",
    }
)
"""Extensions that change geometry or base colour and are understood."""

HARMLESS_EXTENSIONS = ("KHR_materials_", "KHR_lights_punctual", "KHR_xmp_json_ld", "KHR_animation_pointer", "KHR_node_visibility")
"""Extensions that leave the shape and the base colour as they are, by prefix."""


@dataclass(frozen=True)
class Document:
    """A parsed glTF file: its JSON tree, the binary chunk of a GLB (or None) and how to reach other files."""

    tree: dict[str, Any]
    chunk: memoryview | None
    resolve: Resolve

    def items(self, kind: str) -> list[Any]:
        """All entries of a top-level array (`nodes`, `meshes`, ...); empty when absent."""
        found = self.tree.get(kind, [])
        if not isinstance(found, list):
            raise MeshError("bad_json", f"{kind!r} is not an array")
        return found

    def item(self, kind: str, index: Any) -> dict[str, Any]:
        """One entry of a top-level array; raises MeshError `bad_reference` when the index is not one of it."""
        found = self.items(kind)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(found):
            raise MeshError("bad_reference", f"{kind}[{str(index)[:40]}] does not exist: there are {len(found)}")
        if not isinstance(found[index], dict):
            raise MeshError("bad_json", f"{kind}[{index}] is not an object")
        return found[index]


def extension(node: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The object an extension attaches to a glTF entry, or None."""
    found = node.get("extensions", {}).get(name)
    if found is not None and not isinstance(found, dict):
        raise MeshError("bad_json", f"extension {name} is not an object")
    return found


def parse_document(data: bytes, resolve: Resolve) -> Document:
    """Read a .glb or .gltf file. Raises MeshError for a broken container, JSON, version or a required extension we lack."""
    if not data:
        raise MeshError("empty_file", "the file has no bytes")
    is_binary = len(data) >= 4 and struct.unpack_from("<I", data)[0] == GLB_MAGIC
    text, chunk = _split_chunks(data) if is_binary else (data, None)
    tree = _parse_json(bytes(text), is_binary)
    version = str(tree.get("asset", {}).get("version", ""))
    if not version.startswith("2"):
        raise MeshError("unsupported_version", f"glTF version {version[:20]!r}: only 2.x is read, export the asset again as glTF 2.0")
    document = Document(tree, chunk, resolve)
    _check_extensions(document)
    _check_buffer_uris(document)
    return document


def _split_chunks(data: bytes) -> tuple[memoryview, memoryview | None]:
    if len(data) < 20:
        raise MeshError("truncated", f"a GLB has at least 20 bytes, this one {len(data)}")
    _, version, total = struct.unpack_from("<III", data)
    if version != 2:
        raise MeshError("unsupported_version", f"GLB container version {version}: only 2 is read")
    if total > len(data):
        raise MeshError("truncated", f"the GLB header promises {total} bytes, the file has {len(data)}: fetch it again")
    chunks: list[tuple[int, memoryview]] = []
    place = 12
    while place + 8 <= total and len(chunks) < 2:
        size, kind = struct.unpack_from("<II", data, place)
        if place + 8 + size > total:
            raise MeshError("bad_container", f"GLB chunk at byte {place} claims {size} bytes, beyond the file's length {total}")
        chunks.append((kind, memoryview(data)[place + 8 : place + 8 + size]))
        place += 8 + size
    if not chunks or chunks[0][0] != JSON_CHUNK:
        raise MeshError("bad_container", f"the GLB of {total} bytes, by its header, does not begin with a JSON chunk")
    return chunks[0][1], chunks[1][1] if len(chunks) > 1 and chunks[1][0] == BINARY_CHUNK else None


def _parse_json(text: bytes, is_binary: bool) -> dict[str, Any]:
    try:
        tree = json.loads(text.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        rule = "bad_json" if is_binary or text.lstrip()[:1] == b"{" else "wrong_content"
        raise MeshError(rule, f"not glTF: {type(error).__name__} in a file that begins with {text[:40]!r}") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("asset", {}), dict):
        raise MeshError("bad_json", "the top of the glTF JSON is not an object")
    return tree


def _check_buffer_uris(document: Document) -> None:
    for index in range(len(document.items("buffers"))):
        uri = str(document.item("buffers", index).get("uri", "data:"))
        if not uri.startswith("data:"):
            relative_path(unquote(uri))


def ignored_extensions(document: Document) -> list[str]:
    """Optional extensions of a file that may change shape or colour and are not understood."""
    return [name for name in map(str, document.items("extensionsUsed")) if not _is_fine(name)]


def _is_fine(name: str) -> bool:
    return name in READ_EXTENSIONS or name.startswith(HARMLESS_EXTENSIONS)


def _check_extensions(document: Document) -> None:
    for name in map(str, document.items("extensionsRequired")):
        if not _is_fine(name):
            raise MeshError("unsupported_extension", f"the file requires {name[:80]}, which is not read: export the asset without it")
