"""Base colours of a glTF file: factor, texture, texture coordinates and their transform, alpha and wrap modes."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from data_specs.asset import Material
from models.geometry.gltf_accessors import Accessors, whole
from models.geometry.gltf_document import extension
from models.geometry.mesh_error import MeshError
from models.geometry.references import load_uri
from models.geometry.texture_image import decode_texture

Wrap = Literal["repeat", "clamp", "mirror"]
WRAPS: dict[Any, Wrap] = {10497: "repeat", 33071: "clamp", 33648: "mirror"}
ALPHA_MODES: dict[str, Literal["opaque", "mask", "blend"]] = {"OPAQUE": "opaque", "MASK": "mask", "BLEND": "blend"}


@dataclass(frozen=True)
class Mapping:
    """How a primitive's texture coordinates become the mesh's: the set, and the (2, 3) affine of KHR_texture_transform."""

    coordinates: int = 0
    rows: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def apply(self, uv: np.ndarray) -> np.ndarray:
        """(V, 2) float32 -> (V, 2) float32, origin at the top-left of the texture."""
        if self.rows == Mapping().rows:
            return uv
        matrix = np.array(self.rows, np.float64).reshape(2, 3)
        return (uv @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


@dataclass(frozen=True)
class Surface:
    """A material as the reader needs it: the colour, how to map it, and the wrap mode of each axis."""

    material: Material
    mapping: Mapping = field(default_factory=Mapping)
    wraps: tuple[Wrap, Wrap] = ("repeat", "repeat")


class Materials:
    """Reads materials of one document; every picture is decoded once."""

    def __init__(self, accessors: Accessors) -> None:
        self.document = accessors.document
        self._accessors = accessors
        self._surfaces: dict[int | None, Surface] = {}
        self._pictures: dict[int, tuple[np.ndarray, bytes]] = {}

    def surface(self, index: Any) -> Surface:
        """The material of a primitive; None is glTF's default material (white, single-sided). Raises MeshError."""
        if index is None:
            return Surface(Material(double_sided=False))
        entry = self.document.item("materials", index)
        if index not in self._surfaces:
            self._surfaces[index] = self._read(entry)
        return self._surfaces[index]

    def _read(self, entry: dict[str, Any]) -> Surface:
        glossy = extension(entry, "KHR_materials_pbrSpecularGlossiness")
        base = entry.get("pbrMetallicRoughness", {}) if glossy is None else glossy
        factor = _factor(base.get("baseColorFactor" if glossy is None else "diffuseFactor", [1, 1, 1, 1]))
        reference = base.get("baseColorTexture" if glossy is None else "diffuseTexture")
        alpha_mode = ALPHA_MODES.get(str(entry.get("alphaMode", "OPAQUE")), "opaque")
        cutoff = min(max(float(entry.get("alphaCutoff", 0.5)), 0.0), 1.0)
        plain = Material(factor, alpha_mode=alpha_mode, alpha_cutoff=cutoff, double_sided=bool(entry.get("doubleSided", False)))
        return Surface(plain) if reference is None else self._textured(plain, reference)

    def _textured(self, plain: Material, reference: dict[str, Any]) -> Surface:
        texture = self.document.item("textures", reference.get("index"))
        sampler = self.document.item("samplers", texture["sampler"]) if "sampler" in texture else {}
        wraps: tuple[Wrap, Wrap] = (WRAPS.get(sampler.get("wrapS"), "repeat"), WRAPS.get(sampler.get("wrapT"), "repeat"))
        picture, encoded = self._picture(_source(texture))
        material = Material(plain.factor, picture, encoded, plain.alpha_mode, plain.alpha_cutoff, plain.double_sided, wraps[0])
        return Surface(material, _mapping(reference), wraps)

    def _picture(self, index: Any) -> tuple[np.ndarray, bytes]:
        entry = self.document.item("images", index)
        if index not in self._pictures:
            encoded = self._picture_bytes(index, entry)
            self._pictures[index] = (decode_texture(encoded), encoded)
        return self._pictures[index]

    def _picture_bytes(self, index: int, entry: dict[str, Any]) -> bytes:
        if "uri" not in entry:
            return bytes(self._accessors.view(entry.get("bufferView")))
        try:
            return load_uri(str(entry["uri"]), self.document.resolve)
        except MeshError as error:
            rule = "missing_texture" if error.rule == "missing_file" else error.rule
            raise MeshError(rule, f"images[{index}]: {error}") from None


def _source(texture: dict[str, Any]) -> Any:
    webp = extension(texture, "EXT_texture_webp")
    if webp is not None:
        return webp.get("source")
    if "source" not in texture:
        names = ", ".join(map(str, texture.get("extensions", {})))[:80]
        rule = "unsupported_texture" if names else "missing_texture"
        raise MeshError(rule, f"a base colour texture has no PNG, JPEG or WebP source{f' (only {names})' if names else ''}")
    return texture["source"]


def _factor(values: Any) -> np.ndarray:
    factor = np.array(values, np.float32)
    if factor.shape != (4,) or not np.isfinite(factor).all():
        raise MeshError("bad_json", f"a base colour factor must be four numbers, not {str(values)[:60]}")
    return factor.clip(0.0, 1.0)


def _mapping(reference: dict[str, Any]) -> Mapping:
    transform = extension(reference, "KHR_texture_transform") or {}
    coordinates = whole(transform, "texCoord", whole(reference, "texCoord", 0), limit=31)
    offset, scale = transform.get("offset", [0, 0]), transform.get("scale", [1, 1])
    angle = float(transform.get("rotation", 0.0))
    cosine, sine = np.cos(angle), np.sin(angle)
    rows = (cosine * scale[0], sine * scale[1], offset[0], -sine * scale[0], cosine * scale[1], offset[1])
    if not np.isfinite(rows).all():
        raise MeshError("bad_json", "a texture transform is not finite")
    return Mapping(coordinates, tuple(float(value) for value in rows))
