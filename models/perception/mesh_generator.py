"""Cut-out to mesh: the generator of the parameters."""

from collections.abc import Callable, Iterable

from data_specs.align_params import MeshParams
from models.perception.base import MeshGenerator
from models.perception.hunyuan3d import Hunyuan3D
from models.perception.nearest_asset import CatalogueAsset, NearestAsset


def make_mesh_generator(params: MeshParams, catalogue: Callable[[], Iterable[CatalogueAsset]]) -> MeshGenerator:
    """The generator that the parameters choose. catalogue: the assets that may be found, read only where they are needed.

    Drawing a catalogue takes a third of a second per asset: keep the generator for the life of a worker. Raises ValueError for a wrong
    address or an empty catalogue.
    """
    if params.kind == "hunyuan3d":
        return Hunyuan3D(params)
    return NearestAsset(catalogue())
