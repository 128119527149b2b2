"""Faults of the picture itself: the object is not there, or a second one stands beside it."""

from dataclasses import replace

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Intrinsics
from models.geometry.se3 import rigid
from models.perception.backgrounds import BACKGROUNDS, draw_background
from models.perception.base import Picture
from models.perception.scene_composer import PoseScene, SceneLayout, draw_pose, drawn, laid
from models.renderers.base import Maps

BACKDROP_DEPTH = 8.0
PLACES = 40
"""Tries to find room for a second object."""

SIZES = (0.4, 1.0)
"""Of the second object, of that of the first."""

FULL_SHARE, COVERED_SHARE, CUT_SHARE = 0.15, 0.05, 0.1
"""A second object covers at least the first share of the first one's pixels; at most the second share of it lies over the first one, and at most
the third share of its own outline's length is the picture's border."""


def without_object(things: list[Mesh], layout: SceneLayout, rng: np.random.Generator) -> Picture:
    """A backdrop with `layout.clutter` of these things before it, and depth: whatever the picture is said to show is not there."""
    k = Intrinsics.from_fov(layout.size_pixels, layout.fov_degrees)
    rgb = draw_background(BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))], layout.size_pixels, rng)
    depth = np.full(rgb.shape[:2], BACKDROP_DEPTH, np.float32)
    for _ in range(layout.clutter):
        thing = things[int(rng.integers(len(things)))]
        rgb, depth = laid(rgb, depth, drawn(thing, draw_pose(rng, thing, k, upright=True), k, rng))
    return Picture(np.rint(rgb).clip(0, 255).astype(np.uint8), depth=depth, focal_pixels=k.focal_x)


def with_second_object(scene: PoseScene, other: Mesh, rng: np.random.Generator) -> Picture | None:
    """The picture of a scene with another object beside the first, as far away and nearly as large; None where there is no room."""
    picture, k = scene.problem.picture, scene.problem.intrinsics
    assert picture.depth is not None
    for _ in range(PLACES):
        size, angle = float(rng.uniform(*SIZES)), rng.uniform(0.0, 2.0 * np.pi)
        second = replace(other, vertices=(other.vertices * size).astype(np.float32))
        first = scene.camera_from_object[:3, 3]
        across = 1.2 * (1.0 + size) * np.array([np.cos(angle), 0.6 * np.sin(angle), 0.0])
        turned = draw_pose(rng, second, k, upright=True)[:3, :3]
        maps = drawn(second, rigid(turned, first + across), k, rng)
        if _has_room(maps, scene.problem.mask):
            rgb, depth = laid(picture.rgb.astype(np.float32), picture.depth, replace(maps, depth=maps.depth / np.float32(scene.depth_scale)))
            return Picture(np.rint(rgb).clip(0, 255).astype(np.uint8), depth=depth, focal_pixels=picture.focal_pixels)
    return None


def _has_room(second: Maps, first: np.ndarray) -> bool:
    area, over = int(np.count_nonzero(second.mask)), int(np.count_nonzero(second.mask & first))
    cut = sum(int(np.count_nonzero(edge)) for edge in (second.mask[0], second.mask[-1], second.mask[:, 0], second.mask[:, -1]))
    return area >= FULL_SHARE * int(np.count_nonzero(first)) and over <= COVERED_SHARE * area and cut <= CUT_SHARE * 4.0 * area**0.5
