"""The whole stage on models that answer at once, for tests of everything around them: cut-out pictures of a gift box."""

import time
from pathlib import Path

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from data_specs.params import Params, load_params
from models.geometry.camera_math import direction_at, look_at
from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.geometry.procedural import build_object
from models.image_codec import encode_png
from models.perception.base import Arrived, Box, GeneratedMesh, Mask, Miss, Picture, Pose, PoseProblem, unnoticed
from models.perception.depth_estimator import DepthChannel
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.align import task, work_item
from tasks.align.filters import FilterContext
from tasks.align.models import Models, Setup
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.ledger import Ledger

PACE_S = 0.004
SIDE = 48
POSE = look_at(direction_at(35.0, 20.0) * 4.0)
BOX = build_object("gift_box", 3).detailed


class PixelDistance:
    """`PerceptualDistance` by the pixels' difference."""

    name = "micro_distance"

    def __call__(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        return np.abs(ours.astype(float) - theirs).mean(axis=(1, 2, 3)) / 255.0


class Quick:
    """Every role: the alpha channel is box and mask, the box is the mesh, and it stands where `write_pictures` has put it."""

    def __init__(self) -> None:
        self.glb = write_glb(BOX)

    def detect(self, pictures: list[Picture], phrases: list[str]) -> list[list[Box]]:
        return [[Box(0.0, 0.0, float(picture.size[1]), float(picture.size[0]), 1.0, phrase)] for picture, phrase in zip(pictures, phrases)]

    def segment(self, pictures: list[Picture], boxes: list[Box]) -> list[Mask | Miss]:
        return [Mask(picture.alpha > 127, 1.0) if picture.alpha is not None else Miss("no_mask", "no alpha") for picture in pictures]

    def prepare(self, glb: bytes) -> Mesh | Miss:
        return read_glb(glb)

    def generate(self, pictures: list[Picture], arrived: Arrived = unnoticed) -> list[GeneratedMesh | Miss]:
        for place in range(len(pictures)):
            time.sleep(PACE_S)
            arrived(place, GeneratedMesh(self.glb, "quick"))
        return [GeneratedMesh(self.glb, "quick") for _ in pictures]

    def estimate(self, problems: list[PoseProblem]) -> list[Pose | Miss]:
        return [Pose(POSE, 0.9, False) for _ in problems]


def quick_models(setup: Setup) -> Models:
    """In place of `open_models`."""
    quick = Quick()
    return Models(quick, quick, None, quick, quick, DepthChannel(), quick, FilterContext(PixelDistance()))  # type: ignore[arg-type]


def write_pictures(folder: Path, count: int) -> Path:
    """Cut-outs of the box at the pose, each of its own brightness."""
    folder.mkdir(parents=True)
    renderer = Open3DRenderer()
    maps = renderer.render(renderer.load(BOX), Camera(Intrinsics.from_fov(SIDE, 45.0), POSE), UniformLight(), 4)
    for number in range(count):
        shade = np.float32([0.9 - 0.02 * number] * 3 + [1.0])
        (folder / f"gift_box{number}.png").write_bytes(encode_png(np.rint(maps.rgb * shade).astype(np.uint8)))
    return folder


def quick_params(pictures: Path, *overrides: str) -> Params:
    """Parameters of a run on these pictures."""
    settings: dict[str, object] = {"source": "folder", "location": pictures, "count": 1000, "shard_items": 3, "view_pixels": 24}
    settings |= {"mesh.kind": "hunyuan3d", "mesh.server_model": "quick", "pose.by_hand": True}
    settings |= {"plan": "orthogonal4", "filters.micro_distance": 9.0, "filters.colour_difference": 9.0}
    settings |= dict.fromkeys(("filters.second_object", "filters.mirror_lead", "filters.rival_lead"), 9.0)
    return load_params("tiny", [*(f"align.{name}={value}" for name, value in settings.items()), *overrides])


def build_everything(root: Path, params: Params) -> None:
    """Build what is missing and publish, as a flow does, with the quick models."""
    work_item.open_models = quick_models  # type: ignore[assignment]
    workspace = Workspace(root, "tiny")
    plans = task.plan(workspace, params)
    with Pool(params.execution) as pool:
        for plan in Ledger(workspace.folder("align"), "align").pending(plans):
            task.build.fn(workspace, params, plan, pool)
    task.publish(workspace, params, plans)
