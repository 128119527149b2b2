"""The objects and pictures that thresholds are chosen and checked on: two splits that share no object, nor a category of procedural ones."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, TypeVar

import numpy as np

from data_specs.align_params import FilterTuningParams
from data_specs.asset import Mesh
from data_specs.ids import seed_from
from models.geometry.glb_reader import read_glb
from models.geometry.mesh_error import MeshError
from models.geometry.procedural import CATEGORIES, build_object
from models.geometry.texture_image import MAX_TEXTURE_SIDE
from models.perception.scene_composer import PoseScene, SceneLayout, compose_pose
from tasks.align.mesh_preparation import ReadLimits
from tasks.local_folder import manifest_entries
from tasks.sandbox import ReadRequest, read_in_sandbox

Split = Literal["tuning", "test"]
SPLITS: tuple[Split, ...] = ("tuning", "test")
PARTS = 3
"""Of objects: the last is for the test."""

Thing = TypeVar("Thing")

FIRST_SEED = 8000
"""Of the procedural objects: far from those that pose and confidence were tuned on, and from those that rules were designed on (3000 to 7999)."""


@dataclass(frozen=True)
class TuningObject:
    """An object of a split. mesh: in the canonical object frame."""

    object_id: str
    category: str
    mesh: Mesh


def tuning_objects(split: Split, params: FilterTuningParams, limits: ReadLimits) -> list[TuningObject]:
    """Two of three categories tune, the third is the test: `params.seeds` objects of each; meshes of the folder `params.meshes` likewise.

    limits: of the process that reads these meshes. Raises ValueError for a folder without a manifest, with a mesh that cannot be used, or with
    two of one name.
    """
    made = [
        TuningObject(f"{category}-{seed}", category, build_object(category, seed).detailed)
        for category in _of(split, CATEGORIES)
        for seed in range(FIRST_SEED, FIRST_SEED + params.seeds)
    ]
    return made + list(_read_objects(Path(params.meshes).expanduser().resolve(), split, limits) if params.meshes else ())


def tuning_scene(one: TuningObject, params: FilterTuningParams) -> tuple[PoseScene, SceneLayout]:
    """The object in a picture: some have another thing behind it, some something before it."""
    rng = np.random.default_rng(seed_from("tuning scene", one.object_id))
    clutter = int(rng.random() < params.clutter_share)
    occlusion = params.occlusion if rng.random() < params.occlusion_share else 0.0
    layout = SceneLayout(size_pixels=params.size_pixels, clutter=clutter, upright=True)
    return compose_pose(one.mesh, one.object_id, 0, occlusion, layout), layout


def _of(split: Split, things: Sequence[Thing]) -> list[Thing]:
    """Its part of things in a fixed order: the more there is to choose by, the less of what is chosen is chance."""
    return [thing for place, thing in enumerate(things) if (place % PARTS == PARTS - 1) == (split == "test")]


def _read_objects(folder: Path, split: Split, limits: ReadLimits) -> Iterator[TuningObject]:
    if not (folder / "manifest.json").is_file():
        raise ValueError(f"align.tuning.meshes={folder} holds no manifest.json with the names of meshes (`file`, `category`, `up_axis`)")
    entries = manifest_entries(folder)
    names = Counter(PurePosixPath(entry["file"]).stem for entry in entries)
    twin = next((name for name, count in names.items() if count > 1), None)
    if twin is not None:
        raise ValueError(f"align.tuning.meshes={folder} has several meshes of the name {twin!r}: scores are kept by name, rename all but one")
    for entry in _of(split, entries):
        up_axis, size = entry.get("up_axis", "y"), limits.max_file_mb << 20
        request = ReadRequest(
            str(folder), entry["file"], up_axis=up_axis, max_faces=limits.max_faces, max_texture_pixels=MAX_TEXTURE_SIDE, max_file_bytes=size
        )
        try:
            mesh = read_glb(read_in_sandbox(request, limits.memory_mb, limits.timeout_s).glb)
        except MeshError as error:
            raise ValueError(f"{folder / entry['file']} cannot be used: {error}") from None
        yield TuningObject(PurePosixPath(entry["file"]).stem, str(entry.get("category", "")), mesh)
