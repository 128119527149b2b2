"""Pictures whose truth is known, made of assets: the source `composed`, and what checks need to know of its pictures.

A scene is (line, picture, truth). The pipeline is given line and picture; the truth is stored beside the shards (`data_specs/aligned_subject.py`:
TRUTH) and read by checks alone. A fault (`planted_faults.py`) is drawn for each picture by its id: one of the picture is planted where it is
drawn, one of the mesh or of the pose lies ready in `ComposedScene.planted`, and `alignment.py` puts it in place of what the step found. A fault
that would be none is not planted: `Truth.fault` says what was.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from data_specs.align_params import ComposedParams
from data_specs.aligned_subject import SubjectTruth
from data_specs.asset import Mesh
from data_specs.ids import canonical_json, content_id, seed_from
from data_specs.sample import Sample
from data_specs.subject import SubjectLine
from models.image_codec import encode_png
from models.perception.base import Picture
from models.perception.scene_composer import SceneLayout, compose_pose
from tasks.align.asset_catalogue import AssetCatalogue
from tasks.align.picture_faults import with_second_object, without_object
from tasks.align.planted_faults import FAULTS, MESH_FAULTS, plant_in_mesh, plant_in_pose
from tasks.align.truth import pose_truth


@dataclass(frozen=True)
class Truth:
    """What is true of a composed picture.

    mask: (H, W) bool, the pixels that show the object. camera_from_object: (4, 4). depth_scale: units of the object frame per unit of the picture's
    depth. hidden: share of the object's pixels that something before it hides. fault: "" = none.
    """

    asset_id: str
    mask: np.ndarray
    camera_from_object: np.ndarray
    depth_scale: float
    hidden: float
    fault: str

    def sample(self, subject_id: str) -> Sample:
        """As it is stored."""
        record = SubjectTruth(
            subject_id=subject_id,
            asset_id=self.asset_id,
            camera_from_object=self.camera_from_object.tolist(),
            depth_scale=self.depth_scale,
            hidden=self.hidden,
            fault=self.fault,
        )
        members = {"truth.json": canonical_json(record.model_dump(mode="json")).encode()}
        return Sample(subject_id, {**members, "mask.png": encode_png(self.mask.astype(np.uint8) * np.uint8(255))})


@dataclass(frozen=True)
class Planted:
    """What replaces the result of a step; None = nothing."""

    mesh: Mesh | None = None
    camera_from_object: np.ndarray | None = None

    @property
    def is_something(self) -> bool:
        """Whether anything is replaced."""
        return self.mesh is not None or self.camera_from_object is not None


@dataclass(frozen=True)
class ComposedScene:
    """A picture, what is said of it, what is true of it, and the fault that is to be planted on its way."""

    line: SubjectLine
    picture: Picture
    truth: Truth
    planted: Planted


def composed_lines(catalogue: AssetCatalogue, params: ComposedParams, count: int) -> Iterator[SubjectLine]:
    """`count` pictures, asset after asset in turn; the same object from another side each time around. Raises ValueError for an unknown fault."""
    unknown = set(params.faults) - set(FAULTS)
    if unknown:
        raise ValueError(f"align.composed.faults: there is no fault {min(unknown)!r}; choose from {', '.join(FAULTS)}")
    listed = catalogue.listed(params.assets)
    assets = list(listed.values())
    for place in range(count):
        asset, number = assets[place % len(assets)], place // len(assets)
        record = asset.stored.record().line
        yield SubjectLine(
            subject_id=f"composed-{content_id(asset.stored.key, number)}",
            object_id=asset.stored.key,
            source="composed",
            location=f"{asset.stored.key}/{number}",
            sha256=asset.sha256,
            item=record.category or record.caption,
            caption=record.caption,
            category=record.category,
            licence=record.licence,
            author=record.author,
            attribution=record.attribution,
        )


def compose(line: SubjectLine, catalogue: AssetCatalogue, params: ComposedParams, seed: int) -> ComposedScene:
    """The scene of a line: viewpoint, sky, backdrop and fault are drawn from (seed, id). Raises ValueError for an asset that is gone."""
    asset_id, listed = line.location.partition("/")[0], catalogue.listed(params.assets)
    if asset_id not in listed:
        raise ValueError(f"asset {asset_id!r} of {line.subject_id} is not in the catalogue: plan the stage again")
    rng = np.random.default_rng(seed_from("fault", seed, line.subject_id))
    fault = str(rng.choice(params.faults)) if params.faults and rng.random() < params.fault_share else ""
    mesh = listed[asset_id].stored.mesh(photographic=True)
    layout = SceneLayout(size_pixels=params.size_pixels, clutter=params.clutter, upright=True)
    scene = compose_pose(mesh, line.subject_id, seed, params.occlusion, layout)
    picture, mask, planted = scene.problem.picture, scene.problem.mask, Planted()
    if fault:
        other = listed[_another(list(listed), asset_id, rng)].stored.mesh(photographic=True)
        if fault == "no_object":
            picture, mask = without_object([other], replace(layout, clutter=max(layout.clutter, 1)), rng), np.zeros_like(mask)
        elif fault == "two_objects":
            picture = with_second_object(scene, other, rng) or picture
        else:
            planted = _planted(fault, mesh, other, scene.camera_from_object, rng)
        fault = fault if planted.is_something or picture is not scene.problem.picture else ""
    truth = Truth(asset_id, mask, scene.camera_from_object, scene.depth_scale, scene.hidden, fault)
    return ComposedScene(line, picture, truth, planted)


def _planted(fault: str, mesh: Mesh, other: Mesh, camera_from_object: np.ndarray, rng: np.random.Generator) -> Planted:
    if fault in MESH_FAULTS:
        return Planted(mesh=plant_in_mesh(fault, mesh, [other], rng, camera_from_object))
    return Planted(camera_from_object=plant_in_pose(pose_truth(mesh, camera_from_object), rng))


def _another(asset_ids: list[str], asset_id: str, rng: np.random.Generator) -> str:
    """Another asset than this one, where there is one."""
    others = [one for one in asset_ids if one != asset_id] or asset_ids
    return others[int(rng.integers(len(others)))]
