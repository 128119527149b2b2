"""Objects at known poses among other things: clutter, partial occlusion, depth noise, depth of unknown scale."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from data_specs.ids import seed_from
from models.geometry.camera_math import direction_at, look_at, project
from models.geometry.procedural import CATEGORIES, build_object
from models.geometry.se3 import rigid
from models.perception.backgrounds import BACKGROUNDS, draw_background
from models.perception.base import Picture, PoseProblem
from models.renderers.base import EnvironmentLight, Maps
from models.renderers.open3d_cpu import Open3DRenderer

DEPTH_NOISE, DEPTH_HOLES = 0.004, 0.03
"""Standard deviation as a share of the depth, a third of it smooth over the picture; and the share of pixels without depth."""

UPRIGHT_ELEVATION_DEGREES = (-5.0, 50.0)


@dataclass(frozen=True)
class SceneLayout:
    """What a scene is like beside its object.

    clutter: how many things stand behind. upright: the camera stands as people hold one, from a little below to well above; else any rotation.
    """

    size_pixels: int = 256
    fov_degrees: float = 40.0
    clutter: int = 2
    upright: bool = False


ANYHOW = SceneLayout()


@dataclass(frozen=True)
class PoseScene:
    """A problem and its truth.

    camera_from_object: (4, 4). hidden: the share of the object's pixels that something hides. depth_scale: units of the object frame per unit of
    the problem's depth.
    """

    problem: PoseProblem
    camera_from_object: np.ndarray
    hidden: float
    depth_scale: float

    @property
    def without_depth(self) -> PoseProblem:
        """The same problem for who has no depth."""
        return replace(self.problem, depth=None)


def compose_pose(mesh: Mesh, name: str, seed: int, occlusion: float = 0.0, layout: SceneLayout = ANYHOW) -> PoseScene:
    """A mesh turned at random before clutter; `occlusion`: the share of its pixels, within 3 %, that an object in front hides."""
    rng, side = np.random.default_rng(seed_from("pose scene", name, seed)), layout.size_pixels
    k = Intrinsics.from_fov(side, layout.fov_degrees)
    pose = draw_pose(rng, mesh, k, layout.upright)
    target = drawn(mesh, pose, k, rng)
    behind = draw_background(BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))], side, rng)
    rgb, depth = behind, np.full(target.depth.shape, pose[2, 3] + 4.0, np.float32)
    for _ in range(layout.clutter):
        beside = pose[:3, 3] + [*(rng.choice([-1, 1], 2) * rng.uniform(0.8, 2.0, 2)), rng.uniform(1.5, 3.0)]
        rgb, depth = laid(rgb, depth, drawn(_draw_thing(rng), rigid(Rotation.random(rng=rng).as_matrix(), beside), k, rng))
    rgb, depth = laid(rgb, depth, target)
    mask = target.mask.copy()
    if occlusion > 0.0:
        front = _occluder(rng, target, pose, occlusion, k)
        rgb, depth = laid(rgb, depth, front)
        mask &= ~front.mask
    noisy = _noisy(depth, rng)
    stretch = float(np.exp(rng.uniform(-1.0, 1.0)))
    picture = Picture(np.rint(rgb).clip(0, 255).astype(np.uint8), depth=noisy * stretch, focal_pixels=k.focal_x)
    hidden = 1.0 - np.count_nonzero(mask) / np.count_nonzero(target.mask)
    return PoseScene(PoseProblem(picture, mask, picture.depth, k, mesh), pose, hidden, 1.0 / stretch)


def draw_pose(rng: np.random.Generator, mesh: Mesh, k: Intrinsics, upright: bool) -> np.ndarray:
    """`camera_from_object` (4, 4): any rotation, or an upright one; all of the object in the picture, 45 to 75 % of its side."""
    if upright:
        rotation = look_at(direction_at(float(rng.uniform(0, 360)), float(rng.uniform(*UPRIGHT_ELEVATION_DEGREES))))[:3, :3]
    else:
        rotation = Rotation.random(rng=rng).as_matrix()
    turned = mesh.vertices @ rotation.T
    reach = float(np.abs(turned[:, :2]).max())
    distance = reach * k.focal_x / (k.width / 2.0) / rng.uniform(0.45, 0.75) - float(turned[:, 2].min()) * 0.5
    shift = (rng.uniform(-0.2, 0.2, 2)) * k.width / 2.0 / k.focal_x * distance
    return rigid(rotation, np.array([*shift, distance]))


def _draw_thing(rng: np.random.Generator) -> Mesh:
    return build_object(CATEGORIES[int(rng.integers(len(CATEGORIES)))], int(rng.integers(1000, 1020))).detailed


def drawn(mesh: Mesh, pose: np.ndarray, k: Intrinsics, rng: np.random.Generator) -> Maps:
    """A mesh at a pose under a sky drawn from `rng`."""
    renderer = Open3DRenderer()
    return renderer.render(renderer.load(mesh), Camera(k, pose), EnvironmentLight(int(rng.integers(1 << 30)), rays=8), 4)


def laid(rgb: np.ndarray, depth: np.ndarray, maps: Maps) -> tuple[np.ndarray, np.ndarray]:
    """A picture with something in front."""
    alpha = maps.rgb[..., 3:].astype(np.float32) / 255.0
    return maps.rgb[..., :3] * alpha + rgb * (1.0 - alpha), np.where(maps.mask, maps.depth, depth)


def _occluder(rng: np.random.Generator, target: Maps, pose: np.ndarray, share: float, k: Intrinsics) -> Maps:
    """Something nearer than the object, large enough, pushed out to a side until it hides no more than the share."""
    thing, turn, angle = _draw_thing(rng), Rotation.random(rng=rng).as_matrix(), rng.uniform(0, 2 * np.pi)
    nearest = float(target.depth[target.mask].min())
    rows, columns = np.nonzero(target.mask)
    middle = np.array([columns.mean() + 0.5 - k.centre_x, rows.mean() + 0.5 - k.centre_y]) / k.focal_x
    sideways = np.array([np.cos(angle), np.sin(angle), 0.0])

    def standing(scale: float, out: float) -> np.ndarray:
        return rigid(scale * turn, max(nearest - 1.7 * scale, 0.3 * nearest) * (np.array([*middle, 1.0]) + out * sideways))

    def hides(scale: float, out: float) -> float:
        inside = _silhouette(thing, standing(scale, out), k)
        return np.count_nonzero(inside & target.mask) / np.count_nonzero(target.mask)

    scale = next((size for size in np.geomspace(0.15, 1.2, 8) if hides(size, 0.0) > 1.3 * share), 1.2)
    near, far = 0.0, 1.0
    for _ in range(10):
        out = (near + far) / 2.0
        near, far = (out, far) if hides(scale, out) > share else (near, out)
    smaller, place = replace(thing, vertices=(thing.vertices * scale).astype(np.float32)), standing(scale, far)
    return drawn(smaller, rigid(turn, place[:3, 3]), k, rng)


def _silhouette(mesh: Mesh, camera_from_object: np.ndarray, k: Intrinsics) -> np.ndarray:
    """The pixels that faces cover, (H, W) bool, filled face by face: quick, and good enough to measure areas."""
    pixels, _ = project(mesh.vertices, Camera(k, camera_from_object))
    canvas = np.zeros((k.height, k.width), np.uint8)
    for face in pixels[mesh.faces].round().astype(np.int32):
        cv2.fillConvexPoly(canvas, face, 1)
    return canvas.astype(bool)


def _noisy(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    smooth = cv2.resize(rng.normal(0, 1, (8, 8)).astype(np.float32), depth.shape[::-1], interpolation=cv2.INTER_CUBIC)
    noise = DEPTH_NOISE * (rng.normal(0, 1, depth.shape) + smooth / 3.0)
    return np.where(rng.random(depth.shape) < DEPTH_HOLES, 0.0, depth * (1.0 + noise)).astype(np.float32)
