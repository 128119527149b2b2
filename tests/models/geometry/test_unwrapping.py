"""Charts of UVAtlas, and the cuts that make any triangles a manifold for it."""

import numpy as np
import pytest

from data_specs.asset import Mesh
from models.geometry.unwrapping import manifold_corners, unwrap
from models.geometry.uv_atlas import uv_fault, with_corner_uv
from tests.models.renderers.shapes import cube, sphere

SIDE = 256
# a fan of three faces on one edge; a face and the same face turned over; two tetrahedron-like fans that meet in a point
FLAPS = (np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1]], np.float32), np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4]]))
BOTH_SIDES = (np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32), np.array([[0, 1, 2], [0, 2, 1]]))
HOURGLASS = (np.array([[0, 0, 0], [1, 1, 0], [-1, 1, 0], [1, -1, 0], [-1, -1, 0]], np.float32), np.array([[0, 1, 2], [0, 4, 3]]))


def directed_edges(corner: np.ndarray) -> np.ndarray:
    return np.column_stack([corner.reshape(-1), np.roll(corner, -1, axis=1).reshape(-1)])


def test_a_closed_surface_is_left_whole() -> None:
    ball = sphere(2)
    soup = ball.vertices[ball.faces].reshape(-1, 3)  # vertices at the same place count as one
    corner = manifold_corners(soup, np.arange(len(soup)).reshape(-1, 3))
    assert corner.max() + 1 == len(ball.vertices)
    assert len(np.unique(np.column_stack([corner.reshape(-1), ball.faces.reshape(-1)]), axis=0)) == len(ball.vertices)


@pytest.mark.parametrize(("shape", "vertices"), [(FLAPS, 9), (BOTH_SIDES, 6), (HOURGLASS, 6)])
def test_what_is_no_manifold_is_cut(shape: tuple[np.ndarray, np.ndarray], vertices: int) -> None:
    assert manifold_corners(*shape).max() + 1 == vertices


def test_no_edge_has_more_than_two_faces() -> None:
    rng = np.random.default_rng(0)
    corner = manifold_corners(rng.random((12, 3)).astype(np.float32), np.stack([rng.permutation(12)[:3] for _ in range(150)]))
    _, counts = np.unique(directed_edges(corner), axis=0, return_counts=True)
    assert counts.max() == 1


@pytest.mark.parametrize("mesh", [cube(), sphere(2), *(Mesh(*shape) for shape in (FLAPS, BOTH_SIDES, HOURGLASS))])
def test_new_texture_coordinates_are_usable(mesh: Mesh) -> None:
    corner_uv = unwrap(mesh.vertices, mesh.faces, SIDE)
    assert corner_uv.shape == (len(mesh.faces), 3, 2)
    assert uv_fault(with_corner_uv(mesh, corner_uv)) == ""
