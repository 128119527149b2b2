"""Geomview OFF, with its N, C and ST variants, to `Mesh`."""

import re

import numpy as np

from data_specs.asset import Mesh
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import ReadMesh
from models.geometry.polygons import triangulate
from models.geometry.text_decoding import decode_text, linear_from_srgb

_HEADER = re.compile(r"(ST)?(C)?(N)?OFF$", re.IGNORECASE)


def read_off(data: bytes, max_faces: int = 10_000_000) -> ReadMesh:
    """Read an OFF file. Raises MeshError; counts that the file cannot hold are refused before anything is allocated."""
    lines = [line for line in (raw.partition("#")[0].split() for raw in decode_text(data).splitlines()) if line]
    header = _HEADER.match(lines[0][0]) if lines else None
    if header is None:
        raise MeshError("wrong_content", f"not an OFF file: it begins with {data[:40]!r}")
    body = [lines[0][1:], *lines[1:]] if len(lines[0]) > 1 else lines[1:]
    vertices, faces = _counts(body)
    if faces > max_faces:
        raise MeshError("too_many_faces", f"{faces} faces: at most {max_faces} (assets.max_faces)")
    has_uv, has_colours, has_normals = (part is not None for part in header.groups())
    table = _numbers(body[1 : 1 + vertices])
    normals = table[:, 3:6] if has_normals else None
    colours = table[:, 3 + 3 * has_normals : 7 + 3 * has_normals] if has_colours else None
    if table.shape[1] < 3 + 3 * has_normals + 3 * has_colours + 2 * has_uv:
        raise MeshError("bad_number", f"the vertices of a {header.group()} have only {table.shape[1]} numbers")
    uv = np.column_stack([table[:, -2], 1.0 - table[:, -1]]).astype(np.float32) if has_uv else None
    as_float = None if normals is None else normals.astype(np.float32)
    with np.errstate(over="ignore"):
        positions = table[:, :3].astype(np.float32)
    triangles = _faces(body[1 + vertices : 1 + vertices + faces], positions)
    return ReadMesh(Mesh(positions, triangles, as_float, uv, None if colours is None else _rgba(colours)), [])


def _counts(body: list[list[str]]) -> tuple[int, int]:
    try:
        vertices, faces = int(body[0][0]), int(body[0][1])
    except (IndexError, ValueError):
        raise MeshError("wrong_content", "the OFF file has no line of counts") from None
    if vertices < 0 or faces < 0 or vertices + faces > len(body) - 1:
        raise MeshError("absurd_count", f"the header claims {vertices} vertices and {faces} faces, the file has {len(body) - 1} lines")
    return vertices, faces


def _numbers(rows: list[list[str]]) -> np.ndarray:
    width = min(map(len, rows), default=0)
    if width < 3:
        raise MeshError("bad_number", f"a vertex has {width} numbers")
    try:
        return np.array([row[:width] for row in rows], np.float64)
    except ValueError as error:
        raise MeshError("bad_number", f"a vertex is not made of numbers: {error}") from None


def _faces(rows: list[list[str]], positions: np.ndarray) -> np.ndarray:
    try:
        polygons = [[int(word) for word in row[1 : 1 + int(row[0])]] for row in rows]
    except ValueError as error:
        raise MeshError("bad_number", f"a face is not made of indices: {error}") from None
    corners = np.array([corner for polygon in polygons for corner in polygon], np.int64)
    if len(corners) and (int(corners.min()) < 0 or int(corners.max()) >= len(positions)):
        raise MeshError("index_out_of_range", f"a face uses vertex {int(corners.max())} of {len(positions)}")
    return triangulate(corners, np.array([len(polygon) for polygon in polygons], np.int64), positions)[0].astype(np.int32)


def _rgba(colours: np.ndarray) -> np.ndarray:
    unit = colours / 255.0 if colours.max(initial=0.0) > 1.0 else colours
    alpha = unit[:, 3:4] if unit.shape[1] > 3 else np.ones((len(unit), 1))
    return np.column_stack([linear_from_srgb(unit[:, :3]), alpha.clip(0.0, 1.0)]).astype(np.float32)
