"""The procedural world: canonical, closed, deterministic, and its captions tell the truth about its colours."""

import re

import numpy as np
import pytest
import trimesh

from models.geometry.procedural import CATEGORIES, MARGIN_PIXELS, TILE_PIXELS, build_object
from models.geometry.procedural_textures import COLOURS


def test_there_are_many_categories() -> None:
    assert len(CATEGORIES) >= 12
    assert list(CATEGORIES) == sorted(CATEGORIES)


@pytest.mark.parametrize("category", CATEGORIES)
def test_object(category: str) -> None:
    made = build_object(category, 3)
    mesh = made.smooth
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    assert np.allclose(low + high, 0.0, atol=1e-5) and (high - low).max() == pytest.approx(2.0, abs=1e-5)
    assert mesh.uv is not None and mesh.uv.min() > 0.0 and mesh.uv.max() < 1.0
    assert 50 <= len(mesh.faces) <= 12_000
    solid = trimesh.Trimesh(np.round(mesh.vertices, 6), mesh.faces, process=False)
    solid.merge_vertices(merge_tex=True, merge_norm=True)
    assert solid.is_winding_consistent and solid.volume > 0.0
    assert np.array_equal(made.smooth.faces, made.detailed.faces) and np.array_equal(made.smooth.uv, made.detailed.uv)
    assert category in made.caption


def test_same_seed_same_object_other_seed_another() -> None:
    first, again, other = build_object("teapot", 1), build_object("teapot", 1), build_object("teapot", 2)
    assert first.caption == again.caption
    for name in ("smooth", "detailed"):
        one, two = getattr(first, name), getattr(again, name)
        assert np.array_equal(one.vertices, two.vertices) and np.array_equal(one.materials[0].texture, two.materials[0].texture)
    assert not np.array_equal(first.smooth.vertices, other.smooth.vertices)


@pytest.mark.parametrize("category", CATEGORIES)
def test_front_differs_from_back(category: str) -> None:
    """Turned by half a turn, surfaces and colours do not fall on themselves: no two opposite views look the same."""
    mesh = build_object(category, 0).smooth
    assert mesh.uv is not None
    points = np.concatenate([mesh.vertices, mesh.uv], axis=1)
    turned = points * [-1.0, 1.0, -1.0, 1.0, 1.0]
    assert len({tuple(row) for row in np.round(turned, 3)} - {tuple(row) for row in np.round(points, 3)}) > 10


@pytest.mark.parametrize("category", CATEGORIES)
def test_colours_of_the_caption_are_in_the_textures(category: str) -> None:
    for seed in range(3):
        made = build_object(category, seed)
        named = set(re.findall(r"[a-z]+", made.caption)) & set(COLOURS)
        assert named
        for mesh in (made.smooth, made.detailed):
            tiles = tile_means(mesh.materials[0].texture)
            for name in named:
                assert np.abs(tiles - np.array(COLOURS[name])).max(axis=1).min() < 0.06, (made.caption, name)


def tile_means(atlas: np.ndarray | None) -> np.ndarray:
    """Mean colour of each surface, (N, 3) in [0, 1]."""
    assert atlas is not None
    rows, columns = atlas.shape[0] // TILE_PIXELS, atlas.shape[1] // TILE_PIXELS
    tiles = atlas[..., :3].reshape(rows, TILE_PIXELS, columns, TILE_PIXELS, 3)
    inner = tiles[:, MARGIN_PIXELS:-MARGIN_PIXELS, :, MARGIN_PIXELS:-MARGIN_PIXELS]
    return inner.mean((1, 3)).reshape(-1, 3) / 255.0


def test_unknown_category_lists_the_known() -> None:
    with pytest.raises(ValueError, match="apple"):
        build_object("dragon", 0)
