"""Composed scenes to estimate poses in, and how far off the estimates are: the tuning split, and what was held out of tuning."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data_specs.asset import Mesh
from models.geometry.mesh_ops import canonical
from models.geometry.mesh_reader import read_mesh
from models.geometry.procedural import CATEGORIES, build_object
from models.geometry.symmetry import Symmetry, find_symmetry
from models.metrics.pose_error import add, add_s, diameter, projection_error, rotation_error_degrees
from models.perception.base import Pose
from models.perception.render_and_compare import RenderAndCompare
from models.perception.scene_composer import PoseScene
from models.renderers.open3d_cpu import Open3DRenderer
from tests.benchmarks._meshes import FOLDER

TUNING, HELD_OUT = CATEGORIES[::2], CATEGORIES[1::2]
"""Categories; no object of a held-out one was looked at while tuning."""

MOST_POINTS = 5000
"""Errors are averages over the vertices, or over so many of them."""


@dataclass(frozen=True)
class Truth:
    """What errors of an object's poses are measured with. points: (P, 3). symmetry: of shape and colours."""

    points: np.ndarray
    diameter: float
    symmetry: Symmetry


@dataclass(frozen=True)
class Errors:
    """Of one estimate, lengths as shares of the diameter; infinite where there is none. seconds: of processor time."""

    add: float
    add_s: float
    pixels: float
    rotation_degrees: float
    confidence: float
    seconds: float

    @property
    def right(self) -> bool:
        """Whether it is right in place and in rotation."""
        return self.add_s < 0.1 and self.rotation_degrees <= 15.0


def real_meshes() -> Iterator[tuple[str, str, Mesh]]:
    """Name, class and clean mesh of every real mesh beside the checkout; none where there is no such folder."""
    for line in json.loads((FOLDER / "manifest.json").read_text()) if FOLDER.is_dir() else ():
        path = FOLDER / line["file"]
        read = read_mesh(path.name, path.read_bytes(), lambda name, folder=path.parent: (folder / name).read_bytes())
        yield line["id"], line["category"], canonical(read.mesh, line["up_axis"]).mesh


def held_out_meshes(seeds: range) -> Iterator[tuple[str, str, Mesh]]:
    """Procedural objects of the held-out categories."""
    return ((f"{category}/{seed}", category, build_object(category, seed).detailed) for category in HELD_OUT for seed in seeds)


def truth_of(mesh: Mesh) -> Truth:
    """Prepare an object once for any number of estimates."""
    points = mesh.vertices.astype(np.float64)
    step = max(1, len(points) // MOST_POINTS)
    return Truth(points[::step], diameter(points), find_symmetry(Open3DRenderer().load(mesh)))


def measure(scene: PoseScene, with_depth: bool, truth: Truth) -> Errors:
    """Estimate one pose, preparation of the mesh included, and compare."""
    start = time.process_time()
    found = RenderAndCompare().estimate([scene.problem if with_depth else scene.without_depth])[0]
    seconds = time.process_time() - start
    if not isinstance(found, Pose):
        return Errors(np.inf, np.inf, np.inf, 180.0, 0.0, seconds)
    poses = found.camera_from_object, scene.camera_from_object
    return Errors(
        add(*poses, truth.points) / truth.diameter,
        add_s(*poses, truth.points) / truth.diameter,
        projection_error(*poses, truth.points, scene.problem.intrinsics),
        rotation_error_degrees(*poses, truth.symmetry),
        found.confidence or 0.0,
        seconds,
    )
