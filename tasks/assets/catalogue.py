"""Where assets come from: the procedural world, a folder of meshes, or a list of addresses, each as catalogue lines."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from data_specs.asset import CatalogueLine
from data_specs.params import AssetsParams
from models.geometry.procedural import CATEGORIES
from tasks.assets.folder_source import folder_lines
from tasks.assets.url_source import url_lines

SEEDS_PER_WORLD = 1_000_000
"""Worlds of different seeds share no object."""


def read_catalogue(params: AssetsParams, seed: int, cache: Path) -> Iterator[CatalogueLine]:
    """The catalogue lines of a run one by one, at most `params.count`, with ids that are all different.

    seed: chooses the procedural world. cache: folder for digests of local files. Raises ValueError for a source that cannot be read.
    """
    if params.source == "procedural":
        return iter(procedural_lines(params.count, seed))
    if not params.location:
        raise ValueError(
            f"assets.source={params.source} needs assets.location: the path of a {'folder' if params.source == 'folder' else 'CSV or parquet file'}"
        )
    location = Path(params.location).expanduser().resolve()
    lines = iter(folder_lines(location, params.up_axis, cache)) if params.source == "folder" else url_lines(location, params.up_axis)
    first = next(lines, None)
    if first is None:
        raise ValueError(f"assets.location={params.location} holds no asset")
    return islice(chain([first], lines), params.count)


def procedural_lines(count: int, seed: int) -> list[CatalogueLine]:
    """Lines of the procedural world, category after category in turn."""
    lines = []
    for number in range(count):
        category, object_seed = CATEGORIES[number % len(CATEGORIES)], seed * SEEDS_PER_WORLD + number // len(CATEGORIES)
        lines.append(
            CatalogueLine(
                asset_id=f"{category}_{object_seed:06d}",
                source="procedural",
                location=f"{category}/{object_seed}",
                category=category,
                licence="CC0-1.0",
                author="atelier3d procedural world",
            )
        )
    return lines
