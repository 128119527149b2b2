"""MTL libraries of OBJ files: diffuse colour, diffuse map with its options, opacity."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from data_specs.asset import Material
from models.geometry.mesh_error import MeshError
from models.geometry.references import Resolve, relative_path
from models.geometry.text_decoding import decode_text, linear_from_srgb
from models.geometry.texture_image import decode_texture

_ARGUMENTS = {"-mm": 2, "-blendu": 1, "-blendv": 1, "-boost": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-texres": 1, "-bm": 1, "-type": 1}
_VECTORS = ("-s", "-o", "-t")
"""Options with one to three numbers."""


@dataclass(frozen=True)
class MapLine:
    """A `map_*` line: the file and what its options do to texture coordinates (uv * scale + offset, V up)."""

    path: str
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    clamp: bool = False


@dataclass
class ObjMaterial:
    """What an MTL says about one material."""

    name: str
    colour: tuple[float, ...] = (1.0, 1.0, 1.0)
    opacity: float = 1.0
    diffuse: MapLine | None = None
    opacity_map: MapLine | None = None
    warnings: list[str] = field(default_factory=list)

    def material(self, resolve: Resolve) -> Material:
        """Load the pictures. `Kd` is sRGB, as most tools write it.

        Beside a map, a coloured `Kd` is a tint and multiplies it; a grey one is a tool's default (0.64 and 0.8 are common, 0 occurs) and is ignored.
        Raises MeshError `missing_texture`, `bad_texture` or `unsafe_uri`.
        """
        is_default = self.diffuse is not None and max(self.colour) - min(self.colour) < 1e-3
        colour = (1.0, 1.0, 1.0) if is_default else self.colour
        opacity = min(max(self.opacity, 0.0), 1.0)
        if opacity <= 0:
            opacity = 1.0
            self.warnings.append(f"material {self.name!r} says it is invisible (d 0): taken as opaque")
        factor = np.append(linear_from_srgb(np.array(colour)), opacity).astype(np.float32)
        blended = "blend" if opacity < 1 else "opaque"
        if self.diffuse is None:
            return Material(factor, alpha_mode=blended)  # type: ignore[arg-type]
        texture, encoded = _load(self.diffuse, resolve)
        if self.opacity_map is not None:
            texture, encoded, blended = self._masked(texture, encoded, resolve)
        opaque = blended == "opaque" and bool((texture[..., 3] < 255).any())
        if opaque:  # OBJ says transparency by d and map_d alone: the picture's own alpha does not count
            texture, encoded = np.dstack([texture[..., :3], np.full(texture.shape[:2], 255, np.uint8)]), b""
        wrap = "clamp" if self.diffuse.clamp else "repeat"
        return Material(factor, texture, encoded, blended, wrap=wrap)  # type: ignore[arg-type]

    def _masked(self, texture: np.ndarray, encoded: bytes, resolve: Resolve) -> tuple[np.ndarray, bytes, str]:
        assert self.diffuse is not None and self.opacity_map is not None
        if self.opacity_map.path == self.diffuse.path:
            return texture, encoded, "mask"
        mask, _ = _load(self.opacity_map, resolve)
        channel = mask[..., 3] if (mask[..., 3] < 255).any() else mask[..., 0]
        alpha = cv2.resize(channel, texture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.dstack([texture[..., :3], alpha]), b"", "mask"


def read_mtl(data: bytes) -> dict[str, ObjMaterial]:
    """Parse an MTL file. Lines that cannot be understood are skipped, as every reader does; names keep their spelling."""
    materials: dict[str, ObjMaterial] = {}
    current = ObjMaterial("")
    for line in decode_text(data).splitlines():
        key, _, rest = line.strip().partition(" ")
        key, rest = key.split("\t")[0].lower(), rest.strip() or line.strip().partition("\t")[2].strip()
        if key == "newmtl":
            current = materials.setdefault(rest, ObjMaterial(rest))
        elif key == "kd":
            current.colour = _numbers(rest, 3) or current.colour
        elif key == "d":
            current.opacity = (_numbers(rest.replace("-halo", ""), 1) or (current.opacity,))[0]
        elif key == "map_kd":
            current.diffuse = parse_map(rest)
        elif key == "map_d":
            current.opacity_map = parse_map(rest)
    return materials


def parse_map(text: str) -> MapLine:
    """Split a `map_Kd` line's value into options and file name (which may hold spaces). Raises MeshError `bad_material`."""
    words = text.split()
    found: dict[str, list[str]] = {}
    place = 0
    while place < len(words) and words[place].lower() in (*_ARGUMENTS, *_VECTORS):
        option = words[place].lower()
        count = _ARGUMENTS.get(option, 3)
        values = words[place + 1 : place + 1 + count]
        if option in _VECTORS:
            values = values[: next((i for i, word in enumerate(values) if not _is_number(word)), len(values))]
        found[option] = values
        place += 1 + len(values)
    if place >= len(words):
        raise MeshError("bad_material", f"a texture line names no file: {text[:80]!r}")
    path = text if place == 0 else text.split(None, place)[place]
    scale, offset = found.get("-s", []), found.get("-o", [])
    return MapLine(path.strip().strip('"'), _pair(scale, 1.0), _pair(offset, 0.0), found.get("-clamp") == ["on"])


def _pair(words: list[str], default: float) -> tuple[float, float]:
    numbers = [float(word) for word in words[:2]] + [default, default]
    return numbers[0], numbers[1]


def _load(line: MapLine, resolve: Resolve) -> tuple[np.ndarray, bytes]:
    try:
        data = resolve(relative_path(line.path))
    except MeshError as error:
        rule = "missing_texture" if error.rule == "missing_file" else error.rule
        raise MeshError(rule, f"texture {line.path!r}: {error}") from None
    return decode_texture(data), data


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    words = text.split()[:count]
    return tuple(float(word) for word in words) if len(words) == count and all(map(_is_number, words)) else None
