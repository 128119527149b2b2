"""Wavefront OBJ with its MTL libraries to `Mesh`: polygons, negative indices, vertex colours, several materials, any text encoding."""

from dataclasses import dataclass, field, replace

import numpy as np

from data_specs.asset import Material, Mesh
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import ReadMesh, drop_unreferenced
from models.geometry.obj_materials import MapLine, ObjMaterial, read_mtl
from models.geometry.polygons import triangulate
from models.geometry.references import Resolve, no_files, relative_path
from models.geometry.text_decoding import decode_text, linear_from_srgb


@dataclass
class _Lines:
    """What the lines of an OBJ say, before any number is looked at."""

    positions: list[str] = field(default_factory=list)
    coordinates: list[str] = field(default_factory=list)
    normals: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    materials: dict[str, int] = field(default_factory=dict)
    corners: dict[tuple[str, int], int] = field(default_factory=dict)
    """(`v/vt/vn` with absolute indices, material) -> vertex of the mesh."""
    faces: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    face_materials: list[int] = field(default_factory=list)


def read_obj(data: bytes, resolve: Resolve = no_files, max_faces: int = 10_000_000) -> ReadMesh:
    """Read an OBJ file.

    resolve: gives the bytes of MTL and texture files. Raises MeshError (a ValueError) naming the rule that the file broke.
    """
    lines = _scan(decode_text(data))
    if not lines.faces:
        raise MeshError("no_faces", f"the OBJ has {len(lines.positions)} vertices and no faces")
    sizes = np.array(lines.sizes, np.int64)
    if (count := int((sizes - 2).sum())) > max_faces:
        raise MeshError("too_many_faces", f"{count} faces: at most {max_faces} (assets.max_faces)")
    rows = np.array([_corner(token) for token, _ in lines.corners], np.int64).reshape(-1, 3)
    positions = _table(lines.positions, "v")
    vertices = _rows(positions[:, :3], rows[:, 0], "v")
    assert vertices is not None, "every corner names a position"
    triangles, polygon = triangulate(np.array(lines.faces, np.int64), sizes, vertices)
    mesh = Mesh(
        vertices=vertices,
        faces=triangles.astype(np.int32),
        normals=_rows(_table(lines.normals, "vn")[:, :3], rows[:, 2], "vn"),
        uv=_rows(_table(lines.coordinates, "vt")[:, :2], rows[:, 1], "vt"),
        vertex_colours=_colours(positions, rows[:, 0]),
        face_material=np.array(lines.face_materials, np.int32)[polygon],
    )
    return _with_materials(mesh, lines, resolve)


def _scan(text: str) -> _Lines:
    lines = _Lines()
    tables = {"v": lines.positions, "vt": lines.coordinates, "vn": lines.normals}
    material = 0
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        words = line.split(None, 1)
        if len(words) < 2:
            continue
        key, rest = words
        if key in tables:
            tables[key].append(rest)
        elif key == "f":
            _add_face(lines, rest.partition("#")[0].split(), material)
        elif key == "usemtl":
            material = lines.materials.setdefault(rest.strip(), len(lines.materials) + 1)
        elif key == "mtllib":
            lines.libraries.append(rest.strip())
    return lines


def _add_face(lines: _Lines, tokens: list[str], material: int) -> None:
    if len(tokens) < 3:
        return
    for token in tokens:
        if "-" in token:
            token = _absolute(token, (len(lines.positions), len(lines.coordinates), len(lines.normals)))
        lines.faces.append(lines.corners.setdefault((token, material), len(lines.corners)))
    lines.sizes.append(len(tokens))
    lines.face_materials.append(material)


def _absolute(token: str, counts: tuple[int, int, int]) -> str:
    parts = [part if not part.startswith("-") else str(_integer(part) + 1 + count) for part, count in zip(token.split("/"), counts)]
    if any(part.startswith(("-", "0")) for part in parts):
        raise MeshError("index_out_of_range", f"face corner {token[:40]!r} points before the first element")
    return "/".join(parts)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise MeshError("bad_number", f"{text[:40]!r} in a face is not an index") from None


def _corner(token: str) -> tuple[int, int, int]:
    """`v`, `v/vt`, `v//vn`, `v/vt/vn` -> zero-based indices, -1 where one is left out."""
    parts = [_integer(part) - 1 if part else -1 for part in token.split("/")[:3]]
    if parts[0] < 0 or any(part == "0" for part in token.split("/")):
        raise MeshError("index_out_of_range", f"face corner {token[:40]!r}: OBJ counts from 1")
    return (*parts, -1, -1)[:3]  # type: ignore[return-value]


def _table(rows: list[str], key: str) -> np.ndarray:
    """Lines of numbers as (N, width) float64; the width is that of the shortest of them."""
    split = [row.partition("#")[0].split() for row in rows]
    width = min(map(len, split), default=3)
    if width < (2 if key == "vt" else 3) and not (key == "vt" and width == 1):
        raise MeshError("bad_number", f"a {key} line has only {width} numbers")
    try:
        values = np.array([row[:width] for row in split], np.float64).reshape(len(rows), width)
    except ValueError as error:
        raise MeshError("bad_number", f"a {key} line holds something that is not a number: {error}") from None
    return values if width > 1 else np.column_stack([values, np.zeros(len(values))])


def _rows(table: np.ndarray, places: np.ndarray, key: str) -> np.ndarray | None:
    if len(places) and int(places.max()) >= len(table):
        raise MeshError("index_out_of_range", f"a face uses {key} {int(places.max()) + 1}, but there are only {len(table)}")
    if not (places >= 0).any():
        return None
    with np.errstate(over="ignore"):
        return np.where((places >= 0)[:, None], table[places], 0.0).astype(np.float32)


def _colours(positions: np.ndarray, places: np.ndarray) -> np.ndarray | None:
    """`v x y z r g b`: colours in [0, 1], sRGB as the tools that write them mean it."""
    if positions.shape[1] not in (6, 7):
        return None
    colours = linear_from_srgb(positions[places, 3:6])
    return np.column_stack([colours, np.ones(len(colours), np.float32)])


def _with_materials(mesh: Mesh, lines: _Lines, resolve: Resolve) -> ReadMesh:
    found, warnings = _read_libraries(lines, resolve)
    names = {place: name for name, place in lines.materials.items()}
    materials, uv = [], mesh.uv
    assert mesh.face_material is not None
    for place in range(len(lines.materials) + 1):
        used = mesh.faces[mesh.face_material == place]
        described = found.get(names.get(place, "")) if len(used) else None
        material = Material() if described is None else described.material(resolve)
        warnings += [] if described is None else described.warnings
        if material.texture is not None and uv is None:
            warnings.append(f"material {names[place]!r} has a texture, but the OBJ has no texture coordinates: its colour alone is kept")
            material = replace(material, texture=None, encoded=b"")
        if described is not None and described.diffuse is not None and uv is not None:
            uv = _mapped(uv, np.unique(used), described.diffuse)
        materials.append(material)
    if uv is not None:
        uv = np.column_stack([uv[:, 0], 1.0 - uv[:, 1]]).astype(np.float32)  # OBJ's V points up
    return ReadMesh(drop_unreferenced(replace(mesh, uv=uv, materials=tuple(materials))), warnings)


def _mapped(uv: np.ndarray, rows: np.ndarray, line: MapLine) -> np.ndarray:
    moved = uv.copy()
    moved[rows] = uv[rows] * np.array(line.scale, np.float32) + np.array(line.offset, np.float32)
    return moved


def _read_libraries(lines: _Lines, resolve: Resolve) -> tuple[dict[str, ObjMaterial], list[str]]:
    if not lines.materials:
        return {}, []
    if not lines.libraries:
        return {}, ["the OBJ names materials but no MTL file: it stays white"]
    found: dict[str, ObjMaterial] = {}
    for library in lines.libraries:
        for name in _library_names(library):
            found |= read_mtl(_load(name, resolve))
    unknown = [name for name in lines.materials if name not in found]
    if unknown:
        raise MeshError("missing_material", f"material {unknown[0][:80]!r} is in none of {', '.join(lines.libraries)[:200]}")
    return found, []


def _library_names(text: str) -> list[str]:
    """`mtllib` takes several names, and many tools write one name with spaces."""
    return [text] if text.lower().count(".mtl") <= 1 else text.split()


def _load(name: str, resolve: Resolve) -> bytes:
    try:
        return resolve(relative_path(name))
    except MeshError as error:
        rule = "missing_material" if error.rule == "missing_file" else error.rule
        raise MeshError(rule, f"material library {name!r}: {error}") from None
