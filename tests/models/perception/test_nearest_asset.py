"""Retrieval of the asset that a lit, freely posed picture shows."""

import weakref
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from data_specs.asset import Material, Mesh
from models.geometry.glb_writer import write_glb
from models.geometry.procedural import CATEGORIES, build_object
from models.perception.base import GeneratedMesh, Miss, Picture
from models.perception.nearest_asset import CatalogueAsset, NearestAsset, signature
from tests.composed_scenes import compose
from tests.models.renderers.shapes import card

SEED = 7


@pytest.fixture(scope="module")
def generator() -> NearestAsset:
    objects = [build_object(category, SEED) for category in CATEGORIES[::2]]
    return NearestAsset(CatalogueAsset(made.category, made.smooth, partial(write_glb, made.smooth)) for made in objects)


def test_the_right_asset_is_found(generator: NearestAsset) -> None:
    """Pictures of the detailed material under a sky, from any azimuth; the catalogue knows the smooth material."""
    scenes = [compose(category, SEED, 256) for category in CATEGORIES[::2]]
    found = generator.generate([Picture(scene.picture.rgb, scene.alpha) for scene in scenes])
    right = [isinstance(one, GeneratedMesh) and one.origin == scene.category for one, scene in zip(found, scenes, strict=True)]
    assert np.mean(right) >= 0.8
    assert all(isinstance(one, GeneratedMesh) and one.glb[:4] == b"glTF" and one.score is not None and 0 < one.score <= 1 for one in found)


def test_an_asset_that_shows_nothing_on_edge_is_found_from_its_front() -> None:
    """A sheet without thickness beside a mug: from the side there is nothing to be drawn of it."""
    sheet, other = card(Material(np.array([0.9, 0.1, 0.1, 1.0], np.float32), double_sided=True)), build_object("mug", SEED).smooth
    generator = NearestAsset([CatalogueAsset("mug", other, partial(write_glb, other)), CatalogueAsset("sheet", sheet, partial(write_glb, sheet))])
    red, alpha = np.full((40, 40, 3), (240, 90, 90), np.uint8), np.zeros((40, 40), np.uint8)
    alpha[5:35, 5:35] = 255
    (found,) = generator.generate([Picture(red, alpha)])
    assert isinstance(found, GeneratedMesh) and found.origin == "sheet" and found.score is not None and 0 < found.score <= 1


def test_no_mesh_stays_in_memory() -> None:
    """Once the catalogue is drawn all its meshes are gone; a file is read when its asset is found."""
    meshes, read = list[weakref.ref[Mesh]](), list[str]()

    def catalogue() -> Iterator[CatalogueAsset]:
        for category in ("mug", "boat"):
            mesh = build_object(category, SEED).smooth
            meshes.append(weakref.ref(mesh))
            yield CatalogueAsset(category, mesh, lambda name=category: read.append(name) or name.encode())
            del mesh

    generator = NearestAsset(catalogue())
    assert [mesh() for mesh in meshes] == [None, None] and read == []
    scene = compose("boat", SEED, 128)
    (found,) = generator.generate([Picture(scene.picture.rgb, scene.alpha)])
    assert isinstance(found, GeneratedMesh) and (found.glb, found.origin) == (b"boat", "boat") and read == ["boat"]


def test_size_and_place_do_not_matter() -> None:
    scene = compose("mug", SEED, 256)
    moved = np.zeros((300, 400, 3), np.uint8), np.zeros((300, 400), np.uint8)
    moved[0][20:276, 100:356], moved[1][20:276, 100:356] = scene.picture.rgb, scene.alpha
    assert np.array_equal(signature(*moved), signature(scene.picture.rgb, scene.alpha))


def test_no_mask_is_a_miss(generator: NearestAsset) -> None:
    rgb = np.zeros((10, 10, 3), np.uint8)
    for picture in (Picture(rgb), Picture(rgb, np.zeros((10, 10), np.uint8))):
        found = generator.generate([picture])[0]
        assert isinstance(found, Miss) and found.rule == "no_mask"


def test_an_empty_catalogue_is_an_error() -> None:
    with pytest.raises(ValueError, match="build the assets first"):
        NearestAsset([])
