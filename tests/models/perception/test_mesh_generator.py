"""The parameters choose the mesh generator, and a catalogue is read only where it is needed."""

from collections.abc import Iterable

import pytest

from data_specs.align_params import MeshParams
from models.geometry.glb_writer import write_glb
from models.perception.hunyuan3d import Hunyuan3D
from models.perception.mesh_generator import make_mesh_generator
from models.perception.nearest_asset import CatalogueAsset, NearestAsset
from tests.models.renderers.shapes import sphere


def unread() -> Iterable[CatalogueAsset]:
    raise AssertionError("the catalogue was read")


def test_the_kind_decides() -> None:
    assert isinstance(make_mesh_generator(MeshParams(kind="hunyuan3d"), unread), Hunyuan3D)
    ball = CatalogueAsset("ball", sphere(2), lambda: write_glb(sphere(2)))
    assert isinstance(make_mesh_generator(MeshParams(), lambda: [ball]), NearestAsset)
    with pytest.raises(ValueError, match="at least one asset"):
        make_mesh_generator(MeshParams(), list)
