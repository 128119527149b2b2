"""Charts of xatlas, and the cuts that make any triangles a manifold for it."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data_specs.asset import Mesh
from models.geometry.procedural import build_object
from models.geometry.unwrapping import manifold_corners, unwrap
from models.geometry.uv_atlas import texels_of, uv_fault, with_corner_uv
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


def unwrapped_elsewhere(mesh: Mesh, folder: Path, cores: set[int]) -> str:
    """Digest of the charts that another process makes on these cores."""
    np.savez(folder / "mesh.npz", vertices=mesh.vertices, faces=mesh.faces)
    program = f"""
import hashlib, os, numpy as np
os.sched_setaffinity(0, {cores})
from models.geometry.procedural import build_object
from models.geometry.unwrapping import unwrap
mesh = np.load({str(folder / "mesh.npz")!r})
print(hashlib.sha256(unwrap(mesh["vertices"], mesh["faces"], {SIDE}).tobytes()).hexdigest())"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_same_charts_in_every_process_on_any_number_of_cores(tmp_path: Path) -> None:
    mesh = build_object("teapot", 4).detailed
    here = hashlib.sha256(unwrap(mesh.vertices, mesh.faces, SIDE).tobytes()).hexdigest()
    cores = os.sched_getaffinity(0)
    assert {unwrapped_elsewhere(mesh, tmp_path, some) for some in (cores, {min(cores)})} == {here}


def test_charts_keep_their_shape() -> None:
    """An edge is as long in the atlas as it is on the surface, times the same factor all over."""
    mesh = build_object("gift_box", 3).detailed
    corner_uv = unwrap(mesh.vertices, mesh.faces, SIDE)
    solid, flat = mesh.vertices[mesh.faces], corner_uv
    lengths, ratios = (np.linalg.norm(np.roll(each, -1, axis=1) - each, axis=-1).ravel() for each in (solid, flat))
    ratios /= np.maximum(lengths, 1e-9)
    assert np.average(np.abs(ratios / np.average(ratios, weights=lengths) - 1.0), weights=lengths) < 0.08


def test_between_charts_lies_a_gutter() -> None:
    mesh = build_object("teapot", 4).detailed
    corner_uv = unwrap(mesh.vertices, mesh.faces, SIDE)
    corners = np.column_stack([mesh.vertices[mesh.faces].reshape(-1, 3), corner_uv.reshape(-1, 2)])
    joined = np.unique(corners, axis=0, return_inverse=True)[1].reshape(-1, 3)
    pairs = np.concatenate([joined[:, :2], joined[:, 1:]])
    chart = connected_components(coo_array((np.ones(len(pairs), bool), pairs.T), shape=(joined.max() + 1,) * 2), directed=False)[1]
    texels = texels_of(corner_uv, SIDE)
    shown = np.full((SIDE, SIDE), -1)
    shown.reshape(-1)[texels.place] = chart[joined[texels.face, 0]]
    assert len(np.unique(shown)) > 5
    for one, other in ((shown[1:], shown[:-1]), (shown[:, 1:], shown[:, :-1]), (shown[1:, 1:], shown[:-1, :-1]), (shown[1:, :-1], shown[:-1, 1:])):
        assert ((one == other) | (one < 0) | (other < 0)).all()
