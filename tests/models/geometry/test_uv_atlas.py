"""Atlases against brute force: which texel lies on which face, what makes texture coordinates unusable, new ones for every face."""

import numpy as np
import pytest

from data_specs.asset import Material, Mesh
from models.geometry.procedural import build_object
from models.geometry.uv_atlas import GUTTER_TEXELS, faces_over_texels, texels_of, triangle_atlas, uv_fault, with_corner_uv
from tests.models.renderers.shapes import card, cube

CARD = card(Material())


def slow_cover(corner_uv: np.ndarray, side: int) -> np.ndarray:
    """The barycentric weights of every texel centre in every face, (side * side, F, 3), by Cramer's rule."""
    centres = np.stack(np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5), axis=-1).reshape(-1, 1, 2) / side
    a, b, c = corner_uv[:, 0], corner_uv[:, 1], corner_uv[:, 2]

    def cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]

    area = cross(b - a, c - a)
    return np.stack([cross(b - centres, c - centres), cross(c - centres, a - centres), cross(a - centres, b - centres)], axis=-1) / area[:, None]


def scattered(faces: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((faces, 1, 2)) * 0.7 + rng.random((faces, 3, 2)) * 0.3


def test_texels_lie_where_brute_force_says() -> None:
    corner_uv, side = scattered(1, 3), 80
    weights = slow_cover(corner_uv, side)[:, 0]
    texels = texels_of(corner_uv, side)
    assert len(texels.place) > 20
    assert texels.place.tolist() == np.flatnonzero((weights > 0.0).all(axis=1)).tolist()
    np.testing.assert_allclose(texels.barycentric, weights[texels.place], atol=1e-4)
    assert (texels.face == 0).all()


def test_overlaps_are_counted() -> None:
    corner_uv, side = scattered(6, 1), 64
    counts = (slow_cover(corner_uv, side) > 0.0).all(axis=2).sum(axis=1).reshape(side, side)
    found = faces_over_texels(corner_uv, side)
    assert counts.max() > 1
    assert (found != counts).mean() < 0.01  # it looks a hundredth of a texel beside the centre


def moved(mesh: Mesh, uv: np.ndarray) -> Mesh:
    return Mesh(mesh.vertices, mesh.faces, uv=uv.astype(np.float32))


def two_cards(shift: float) -> Mesh:
    vertices = np.concatenate([CARD.vertices, CARD.vertices + np.array([0, 0, 1])]).astype(np.float32)
    uv = np.concatenate([CARD.uv * 0.4, CARD.uv * 0.4 + np.array([shift, 0.0])]).astype(np.float32)
    return Mesh(vertices, np.concatenate([CARD.faces, CARD.faces + 4]), uv=uv)


@pytest.mark.parametrize(
    ("mesh", "fault"),
    [
        (CARD, ""),
        (two_cards(0.5), ""),
        (two_cards(0.3), "belong to several faces"),
        (cube(), "no texture coordinates"),
        (moved(CARD, CARD.uv * 3.0), "leave [0, 1]"),
        (moved(CARD, CARD.uv * np.nan), "leave [0, 1]"),
        (moved(CARD, CARD.uv * 0.0), "next to no texels"),
        (moved(CARD, CARD.uv * 0.1), "use 1% of the atlas"),
    ],
)
def test_faults_of_texture_coordinates(mesh: Mesh, fault: str) -> None:
    found = uv_fault(mesh)
    assert fault in found and bool(fault) == bool(found)


@pytest.mark.parametrize("category", ["mug", "chair", "car"])
def test_the_procedural_world_has_usable_atlases(category: str) -> None:
    assert uv_fault(build_object(category, 0).smooth) == ""


@pytest.mark.parametrize("faces", [1, 2, 7, 200])
def test_triangle_atlas_gives_every_face_room(faces: int) -> None:
    side = 128
    corner_uv = triangle_atlas(faces, side)
    assert corner_uv.shape == (faces, 3, 2)
    assert corner_uv.min() > 0.0 and corner_uv.max() < 1.0
    away = corner_uv - corner_uv.mean(axis=1, keepdims=True)
    grown = corner_uv + away / np.linalg.norm(away, axis=2, keepdims=True) * 0.45 * GUTTER_TEXELS / side
    assert faces_over_texels(grown, 1024).max() == 1
    texels = texels_of(corner_uv, side)
    assert set(texels.face) == set(range(faces))


def test_triangle_atlas_says_when_faces_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"1000 faces .* 64 x 64"):
        triangle_atlas(1000, 64)


def test_corner_coordinates_split_vertices_only_where_they_differ() -> None:
    assert CARD.uv is not None
    same = with_corner_uv(CARD, CARD.uv[CARD.faces])
    assert len(same.vertices) == 4
    apart = with_corner_uv(CARD, triangle_atlas(2, 64))
    assert len(apart.vertices) == 6
    np.testing.assert_array_equal(apart.vertices[apart.faces], CARD.vertices[CARD.faces])
    np.testing.assert_allclose(apart.uv[apart.faces], triangle_atlas(2, 64), atol=1e-7)
