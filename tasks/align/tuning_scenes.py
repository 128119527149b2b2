"""The objects and pictures that thresholds are chosen and checked on: two splits that share no object, nor a category of procedural ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from data_specs.align_params import FilterTuningParams
from data_specs.asset import Mesh
from data_specs.ids import seed_from
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import canonical
from models.geometry.mesh_reader import read_mesh
from models.geometry.procedural import CATEGORIES, build_object
from models.perception.scene_composer import PoseScene, SceneLayout, compose_pose
from tasks.local_folder import manifest_entries

Split = Literal["tuning", "test"]
SPLITS: tuple[Split, ...] = ("tuning", "test")
FIRST_SEED = 3000
"""Of the procedural objects: far from those that pose and confidence were tuned on."""


@dataclass(frozen=True)
class TuningObject:
    """An object of a split. mesh: in the canonical object frame."""

    object_id: str
    category: str
    mesh: Mesh


def tuning_objects(split: Split, params: FilterTuningParams) -> list[TuningObject]:
    """Every second category, `params.seeds` objects of each, and every second mesh of the folder `params.meshes`.

    Raises ValueError for a folder without a manifest or with a mesh that cannot be used.
    """
    start = SPLITS.index(split)
    made = [
        TuningObject(f"{category}-{seed}", category, build_object(category, seed).detailed)
        for category in CATEGORIES[start::2]
        for seed in range(FIRST_SEED, FIRST_SEED + params.seeds)
    ]
    return made + list(_read_objects(Path(params.meshes).expanduser(), start) if params.meshes else ())


def tuning_scene(one: TuningObject, params: FilterTuningParams) -> tuple[PoseScene, SceneLayout]:
    """The object in a picture: some have another thing behind it, some something before it."""
    rng = np.random.default_rng(seed_from("tuning scene", one.object_id))
    clutter = int(rng.random() < params.clutter_share)
    occlusion = params.occlusion if rng.random() < params.occlusion_share else 0.0
    layout = SceneLayout(size_pixels=params.size_pixels, clutter=clutter, upright=True)
    return compose_pose(one.mesh, one.object_id, 0, occlusion, layout), layout


def _read_objects(folder: Path, start: int) -> Iterator[TuningObject]:
    if not (folder / "manifest.json").is_file():
        raise ValueError(f"align.tuning.meshes={folder} holds no manifest.json with the names of meshes (`file`, `category`, `up_axis`)")
    for entry in manifest_entries(folder)[start::2]:
        path = folder / entry["file"]
        try:
            read = read_mesh(path.name, path.read_bytes(), lambda name, beside=path.parent: (beside / name).read_bytes())  # type: ignore[misc]
            mesh = canonical(read.mesh, entry.get("up_axis", "y")).mesh
        except (OSError, MeshError) as error:
            raise ValueError(f"{path} cannot be used: {error}") from None
        yield TuningObject(path.stem, str(entry.get("category", "")), mesh)
