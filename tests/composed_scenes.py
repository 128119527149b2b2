"""Pictures whose truth is known: procedural objects, lit and posed, before textured backgrounds."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from data_specs.ids import seed_from
from models.geometry.camera_math import direction_at, distance_to_fit, look_at
from models.geometry.procedural import build_object
from models.perception.base import Box, Picture
from models.renderers.base import EnvironmentLight
from models.renderers.open3d_cpu import Open3DRenderer

BACKGROUNDS = ("gradient", "grain", "wood", "tiles", "cloth")
FLOOR_DEPTH = 8.0


@dataclass(frozen=True)
class ComposedScene:
    """A picture and all that is true of it.

    alpha: (H, W) uint8 coverage by the object. mask: (H, W) bool. camera: the object frame is its world frame.
    """

    picture: Picture
    alpha: np.ndarray
    mask: np.ndarray
    camera: Camera
    mesh: Mesh
    category: str
    caption: str
    background: str

    @property
    def box(self) -> Box:
        """The tight box of the mask."""
        rows, columns = np.nonzero(self.mask)
        return Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1, 1.0, self.category)


@cache
def compose(category: str, seed: int, size_pixels: int = 256, background: str = "") -> ComposedScene:
    """Object (category, seed) in a picture, off-centre, from a viewpoint drawn from the seed; an empty background is drawn too."""
    rng = np.random.default_rng(seed_from("composed scene", category, seed))
    made = build_object(category, seed)
    camera = draw_camera(rng, size_pixels, made.detailed.vertices)
    renderer = Open3DRenderer()
    maps = renderer.render(renderer.load(made.detailed), camera, EnvironmentLight(int(rng.integers(1 << 30)), rays=8), 8)
    kind = background or BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
    behind = draw_background(kind, size_pixels, rng)
    alpha = maps.rgb[..., 3:].astype(np.float32) / 255.0
    rgb = np.rint(maps.rgb[..., :3] * alpha + behind * (1.0 - alpha)).astype(np.uint8)
    depth = np.where(maps.mask, maps.depth, FLOOR_DEPTH).astype(np.float32)
    picture = Picture(rgb, depth=depth, focal_pixels=camera.intrinsics.focal_x)
    return ComposedScene(picture, maps.rgb[..., 3], maps.mask, camera, made.detailed, category, made.caption, kind)


def draw_camera(rng: np.random.Generator, size_pixels: int, points: np.ndarray) -> Camera:
    """A camera that sees all of the object at 45 to 75 % of the picture's side, off-centre."""
    direction = direction_at(float(rng.uniform(0, 360)), float(rng.uniform(0, 35)))
    intrinsics = Intrinsics.from_fov(size_pixels, 40.0)
    distance = distance_to_fit(direction, 40.0, points) / float(rng.uniform(0.45, 0.75))
    matrix = look_at(direction * distance)
    matrix[:2, 3] += rng.uniform(-0.06, 0.06, 2) * distance
    return Camera(intrinsics, matrix)


def draw_background(kind: str, size_pixels: int, rng: np.random.Generator) -> np.ndarray:
    """A textured backdrop, (size, size, 3) float32 sRGB in [0, 255]: two colours, a pattern, a fall-off of light."""
    y, x = np.mgrid[:size_pixels, :size_pixels].astype(np.float32) / size_pixels
    first = rng.uniform(40, 230, 3).astype(np.float32)
    second = np.clip(first + rng.uniform(-45, 45, 3), 0, 255).astype(np.float32)
    if kind == "gradient":
        weight = np.clip(x * rng.uniform(-1, 1) + y, 0, 1)
    elif kind == "grain":
        weight = _noise(size_pixels, 4, rng)
    elif kind == "wood":
        weight = 0.5 + 0.5 * np.sin(40 * (x + 0.15 * _noise(size_pixels, 6, rng)))
    elif kind == "tiles":
        weight = ((np.floor(x * 7) + np.floor(y * 7)) % 2) * 0.8
    else:
        weight = 0.5 + 0.25 * np.sin(120 * x) + 0.25 * np.sin(120 * y)
    colour = first + np.clip(weight, 0, 1)[..., None] * (second - first)
    light = 1.0 - 0.25 * ((x - rng.uniform(0, 1)) ** 2 + (y - rng.uniform(0, 1)) ** 2)
    return np.clip(colour * light[..., None] + rng.normal(0, 3, (size_pixels, size_pixels, 1)), 0, 255).astype(np.float32)


def _noise(size_pixels: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    octaves = [cv2.resize(rng.uniform(0, 1, (cells << i, cells << i)).astype(np.float32), (size_pixels,) * 2) / 2**i for i in range(4)]
    total = np.sum(octaves, axis=0)
    return (total - total.min()) / float(np.ptp(total))
