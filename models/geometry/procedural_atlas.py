"""From parts to one mesh with one atlas: shading normals with creases, packed texture charts, and where each texel lies in space.

Letters: P grid points of all parts, Q their cells (quadrilaterals), N texels. A quadrilateral with corners a (row, column),
b (next column), c (both next), d (next row) is split into the triangles a b d and c d b; texels are mapped the same way, so that
a texel's position is exact on both.
"""

from dataclasses import dataclass

import numpy as np

from data_specs.asset import Material, Mesh
from data_specs.conventions import OBJECT_HALF_SIDE
from models.geometry.procedural_grid import Grid

ATLAS_PIXELS = 512
PADDING_PIXELS = 4
"""Around each chart, the chart's edge goes on for so many texels: filtering there finds its own colour."""

CREASE_COSINE = np.cos(np.radians(50.0))


@dataclass(frozen=True)
class Chart:
    """The rectangle of one part in the atlas, padding excluded: texels left .. left + width, top .. top + height."""

    left: int
    top: int
    width: int
    height: int
    transposed: bool

    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the atlas that the chart and its padding cover."""
        y, x = self.top - PADDING_PIXELS, self.left - PADDING_PIXELS
        return slice(y, y + self.height + 2 * PADDING_PIXELS), slice(x, x + self.width + 2 * PADDING_PIXELS)


@dataclass(frozen=True)
class Texels:
    """The texels of one part and its padding, rows of the chart before columns (N = H * W; a transposed chart is H wide in the atlas).

    shape: (H, W). position: (N, 3) float32 in the designer's units.
    cell: (N,) int64 index into the part's cells. normal: (Q, 3) float32 unit normal of each cell.
    """

    shape: tuple[int, int]
    position: np.ndarray
    cell: np.ndarray
    normal: np.ndarray


@dataclass(frozen=True)
class Assembly:
    """A mesh without its texture, in the canonical object frame, and the texels of each part.

    scale: object-frame units per designer's unit. face_part: (F,) int32.
    """

    mesh: Mesh
    charts: list[Chart]
    texels: list[Texels]
    scale: float
    face_part: np.ndarray


def assemble(grids: list[Grid]) -> Assembly:
    """Join closed surfaces into one mesh with even texel density, centred, longest side 2."""
    charts = pack([_chart_lengths(grid.points) for grid in grids])
    low = np.min([grid.points.min(axis=(0, 1)) for grid in grids], axis=0)
    high = np.max([grid.points.max(axis=(0, 1)) for grid in grids], axis=0)
    scale = 2.0 * OBJECT_HALF_SIDE / float((high - low).max())
    pieces = [_triangles(grid, chart) for grid, chart in zip(grids, charts, strict=True)]
    starts = np.cumsum([0] + [len(piece[0]) for piece in pieces])
    vertices = (np.concatenate([piece[0] for piece in pieces]) - (low + high) / 2.0) * scale
    faces = np.concatenate([piece[3] + start for piece, start in zip(pieces, starts)])
    mesh = Mesh(
        vertices=vertices.clip(-OBJECT_HALF_SIDE, OBJECT_HALF_SIDE).astype(np.float32),
        faces=faces.astype(np.int32),
        normals=np.concatenate([piece[1] for piece in pieces]).astype(np.float32),
        uv=np.concatenate([piece[2] for piece in pieces]).astype(np.float32),
        materials=(Material(),),
    )
    face_part = np.repeat(np.arange(len(grids), dtype=np.int32), [len(piece[3]) for piece in pieces])
    texels = [_texels(grid, chart) for grid, chart in zip(grids, charts, strict=True)]
    return Assembly(mesh, charts, texels, scale, face_part)


def _chart_steps(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of the columns' steps (C - 1,) and the rows' steps (R - 1,) in the chart."""
    across = _lengths(np.diff(points, axis=1)).max(axis=0)
    along = _lengths(np.diff(points, axis=0)).mean(axis=1)
    return across, along


def _chart_lengths(points: np.ndarray) -> tuple[float, float]:
    across, along = _chart_steps(points)
    return float(across.sum()), float(along.sum())


def pack(lengths: list[tuple[float, float]], size: int = ATLAS_PIXELS, padding: int = PADDING_PIXELS) -> list[Chart]:
    """Place charts of the given (width, height) lengths on shelves, as large as they fit, all at the same scale.

    Long sides lie flat: charts that are higher than wide are transposed.
    """
    sides = np.sort(np.asarray(lengths, float), axis=1)[:, ::-1]
    scale = size / np.sqrt(float(sides.prod(axis=1).sum()))
    while True:
        pixels = np.maximum(np.rint(sides * scale), 2).astype(int)
        corners = _shelves(pixels + 2 * padding, size)
        if corners is not None:
            break
        scale *= 0.97
    rows = zip(corners, pixels, lengths, strict=True)
    return [Chart(int(x) + padding, int(y) + padding, int(w), int(h), length[1] > length[0]) for (x, y), (w, h), length in rows]


def _shelves(pixels: np.ndarray, size: int) -> np.ndarray | None:
    """Top-left corners (K, 2) of rectangles (K, 2), or None when they do not fit into a square."""
    corners = np.zeros_like(pixels)
    x = y = shelf = 0
    for place in np.lexsort((-pixels[:, 0], -pixels[:, 1])):
        width, height = pixels[place]
        if x + width > size:
            x, y, shelf = 0, y + shelf, 0
        if width > size or y + height > size:
            return None
        corners[place] = x, y
        x, shelf = x + width, max(shelf, height)
    return corners


def _triangles(grid: Grid, chart: Chart) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (V, 3), normals (V, 3), uv (V, 2) and faces (F, 3) of one part; vertices are split along creases and the seam."""
    rows, columns = grid.points.shape[:2]
    points = grid.points.reshape(-1, 3)
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    corners = np.stack([first, first + 1, first + columns + 1, first + columns], axis=1)
    normals = _corner_normals(grid.points)
    coded = np.rint(normals * 511.0).astype(np.int64) + 512
    keys = ((corners * 1024 + coded[..., 0]) * 1024 + coded[..., 1]) * 1024 + coded[..., 2]
    _, chosen, inverse = np.unique(keys.reshape(-1), return_index=True, return_inverse=True)
    vertex = inverse.reshape(-1, 4)
    faces = vertex[:, [[0, 1, 3], [2, 3, 1]]].reshape(-1, 3)
    source = corners.reshape(-1)[chosen]
    corner_points = points[source][faces]
    doubled = _lengths(np.cross(corner_points[:, 1] - corner_points[:, 0], corner_points[:, 2] - corner_points[:, 0]))
    faces = faces[doubled > 1e-9 * doubled.max()]
    used, faces = np.unique(faces, return_inverse=True)
    return points[source][used], normals.reshape(-1, 3)[chosen][used], _chart_uv(grid.points, chart)[source][used], faces.reshape(-1, 3)


def _chart_uv(points: np.ndarray, chart: Chart) -> np.ndarray:
    """Texture coordinates of all grid points, (P, 2) in [0, 1]."""
    across, along = (np.concatenate([[0.0], np.cumsum(steps) / steps.sum()]) for steps in _chart_steps(points))
    u, v = np.broadcast_arrays(across[None], along[:, None])
    u, v = (v, u) if chart.transposed else (u, v)
    pixels = np.stack([chart.left + u * chart.width, chart.top + v * chart.height], axis=-1)
    return pixels.reshape(-1, 2) / ATLAS_PIXELS


def _cell_vectors(points: np.ndarray) -> np.ndarray:
    """Area vectors of all cells (R - 1, C - 1, 3): outward, as long as the cell is large."""
    return 0.5 * np.cross(points[1:, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, 1:])


def _directions(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(_lengths(vectors), 1e-300)[..., None]


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("...i,...i", vectors, vectors))


def _corner_normals(points: np.ndarray) -> np.ndarray:
    """Shading normals (Q, 4, 3) at the corners a, b, c, d of each cell: area-weighted means over cells that meet without a crease."""
    vectors = _cell_vectors(points)
    flat = _directions(vectors)
    looped = np.array_equal(points[0], points[-1])
    padded = np.concatenate([vectors[-1:], vectors, vectors[:1]]) if looped else np.pad(vectors, ((1, 1), (0, 0), (0, 0)))
    padded = np.pad(padded, ((0, 0), (1, 1), (0, 0)), mode="wrap")
    rows, columns = flat.shape[:2]
    sums = np.zeros((rows, columns, 4, 3))
    for i in range(3):
        for j in range(3):
            near = padded[i : i + rows, j : j + columns]
            kept = np.where((_directions(near) * flat).sum(-1, keepdims=True) > CREASE_COSINE, near, 0.0)
            for corner, (row, column) in enumerate(((0, 0), (0, 1), (1, 1), (1, 0))):
                if i in (row, row + 1) and j in (column, column + 1):
                    sums[:, :, corner] += kept
    for row, ends in () if looped else ((0, [0, 1]), (-1, [2, 3])):
        pole = vectors[row].sum(axis=0)
        smooth = (flat[row] @ _directions(pole)) > CREASE_COSINE
        sums[row][:, ends] = np.where(smooth[:, None, None], pole, vectors[row][:, None])
    return _directions(sums).reshape(-1, 4, 3)


def _texels(grid: Grid, chart: Chart) -> Texels:
    """Where the texels of a chart and its padding lie in space."""
    across, along = _chart_steps(grid.points)
    sides = (chart.height, chart.width) if chart.transposed else (chart.width, chart.height)
    column, s = _cells_of_texels(across, sides[0])
    row, t = _cells_of_texels(along, sides[1])
    columns = grid.points.shape[1]
    upper = s[None] + t[:, None] > 1.0
    first = (row[:, None] * columns + column[None]).astype(np.int32)
    anchor = first + upper * np.int32(columns + 1)
    aside, ahead = np.where(upper, 1.0 - t[:, None], s[None]), np.where(upper, 1.0 - s[None], t[:, None])
    points = grid.points.reshape(-1, 3).astype(np.float32)
    position = points.take(anchor, axis=0) * (1.0 - aside - ahead)[..., None]
    position += points.take(first + 1, axis=0) * aside[..., None]
    position += points.take(first + columns, axis=0) * ahead[..., None]
    cell = (row[:, None] * (columns - 1) + column[None]).reshape(-1)
    return Texels(first.shape, position.reshape(-1, 3), cell, _directions(_cell_vectors(grid.points)).reshape(-1, 3).astype(np.float32))


def _cells_of_texels(steps: np.ndarray, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """For each texel along one side of a chart, padding included: the step it lies on and how far along, in [0, 1]."""
    ends = np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
    place = np.clip((np.arange(-PADDING_PIXELS, pixels + PADDING_PIXELS) + 0.5) / pixels, 0.0, 1.0)
    step = np.clip(np.searchsorted(ends, place, side="right") - 1, 0, len(steps) - 1)
    share = (place - ends[step]) / np.maximum(ends[step + 1] - ends[step], 1e-12)
    return step, np.clip(share, 0.0, 1.0).astype(np.float32)
