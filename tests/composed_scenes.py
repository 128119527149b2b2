"""Pictures whose truth is known: procedural objects, lit and posed, before textured backgrounds."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from data_specs.ids import seed_from
from models.geometry.camera_math import direction_at, distance_to_fit, look_at
from models.geometry.procedural import build_object
from models.perception.backgrounds import BACKGROUNDS, draw_background
from models.perception.base import Box, Picture
from models.renderers.base import EnvironmentLight
from models.renderers.open3d_cpu import Open3DRenderer

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
