"""From hits to maps: what every back end shares. A back end says which surfaces rays meet; the picture is made here.

Geometry maps hold the first surface that is at least half opaque, exactly at the pixel's centre. Colour is composited through
whatever is see-through before it. Letters: M rays, N hits, E edge pixels, H x W pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from data_specs.camera import Camera, Intrinsics
from models.renderers.base import EnvironmentLight, LightSource, Maps
from models.renderers.lights import Points, light_points
from models.renderers.rays import Hits, Rays, crop, image_rays, object_window
from models.renderers.surface import Surface
from models.renderers.textures import encode_srgb

MAX_LAYERS = 8
"""Surfaces along one ray that are looked through; what lies behind them is left out."""

SOLID = 0.5
EDGE_CONTRAST = 12
"""Neighbours whose colour or opacity differs by more (of 255) look different."""

EDGE_BEND = 1.5
"""A step is where depth bends by more than this many pixel lengths from one pixel to the next: creases of 75 degrees count."""

RAYS_SHARE_AT_EDGES = 4
"""A lookup at an edge gets a quarter of the light rays: there are several in a pixel."""

NEIGHBOURS = np.ones((3, 3), np.uint8)
SECOND_DIFFERENCE = np.array([[1.0, -2.0, 1.0]], np.float32)


class Caster(Protocol):
    """Finds what a fixed set of rays meets, surface by surface."""

    def first(self) -> Hits:
        """The nearest surface of every ray that meets one."""
        ...

    def behind(self, hits: Hits) -> Hits:
        """What the rays of `hits`, the answer before or a part of it, meet next."""
        ...


class Drawable(Protocol):
    """A mesh that a back end has loaded."""

    @property
    def surface(self) -> Surface:
        """What the mesh looks like."""
        ...

    def occluded(self, rays: np.ndarray) -> np.ndarray:
        """Whether rays (M, 6) float32 (origin, direction) hit anything, (M,) bool."""
        ...

    def centres(self, camera: Camera, rays: Rays) -> Caster:
        """A caster of the rays through all pixel centres of a camera."""
        ...

    def spread(self, camera: Camera, centres: Rays, pixels: np.ndarray, samples: int) -> Iterator[tuple[Caster, Rays]]:
        """Casters of `samples` rays spread over each of E pixels.

        centres: the rays through their centres. pixels: (E,) their flat indices. Every caster has k rays for each pixel, beside each other.
        """
        ...


@dataclass(frozen=True)
class Sampling:
    """How rays are shaded.

    pixel_length: metres that a pixel is wide at depth 1. light_rays: per lookup, for environment light.
    samples: rays of one pixel, which lie beside each other; those on the same face share one lookup.
    """

    light: LightSource
    pixel_length: float
    light_rays: int
    samples: int


def draw(scene: Drawable, camera: Camera, light: LightSource, samples_per_edge_pixel: int) -> Maps:
    """Draw one view; `samples_per_edge_pixel` = 1 leaves edges jagged. Only the window that holds the object is traced."""
    k, window = camera.intrinsics, object_window(scene.surface.vertices, camera)
    seen, length = crop(camera, window), 1.0 / k.focal_x
    pixels = np.arange(k.height * k.width).reshape(k.height, k.width)[window].reshape(-1)
    rays, light_rays = image_rays(seen), light.rays if isinstance(light, EnvironmentLight) else 0
    colour, solid = trace(scene, scene.centres(seen, rays), rays, Sampling(light, length, light_rays, samples=1))
    maps = _geometry(scene, rays, solid, pixels, np.zeros((k.height, k.width, 4), np.uint8))
    _pack(colour, maps.rgb, pixels)
    if samples_per_edge_pixel > 1:
        edges = find_edges(maps.rgb[window], maps.depth[window], _material_map(scene, solid, seen.intrinsics), length)
        fine = Sampling(light, length, max(light_rays // RAYS_SHARE_AT_EDGES, 1), samples_per_edge_pixel)
        spread = _supersample(scene, seen, rays.part(edges), edges, fine) * samples_per_edge_pixel
        # The ray through the centre counts too: a pixel that has depth is never fully transparent.
        _pack((spread + np.take(colour, edges, axis=1)) / (samples_per_edge_pixel + 1), maps.rgb, pixels[edges])
    return maps


def trace(scene: Drawable, caster: Caster, rays: Rays, sampling: Sampling) -> tuple[np.ndarray, Hits]:
    """Colour of M rays and the solid surfaces they meet.

    Returns (4, M) float32 linear, multiplied by opacity, composited front to back; and the first hit of each ray that is at least half opaque.
    """
    hits = caster.first()
    colour = np.zeros((4, len(rays)), np.float32)
    for plane, shaded in zip(colour, _shade(scene, rays, hits, sampling)):
        plane[hits.ray] = shaded
    if not scene.surface.see_through:
        return colour, hits
    return colour, _look_through(scene, caster, rays, sampling, hits, colour)


def _look_through(scene: Drawable, caster: Caster, rays: Rays, sampling: Sampling, hits: Hits, colour: np.ndarray) -> Hits:
    """Add what lies behind see-through surfaces to `colour`; returns the solid hits."""
    found, solid, opacity = np.zeros(len(rays), bool), [], colour[3, hits.ray]
    for _ in range(MAX_LAYERS):
        first = (opacity >= SOLID) & ~found[hits.ray]
        found[hits.ray[first]] = True
        solid.append(hits.part(first))
        hits = caster.behind(hits.part(opacity < 1.0))
        if not len(hits.ray):
            break
        shaded = _shade(scene, rays, hits, sampling)
        colour[:, hits.ray] += (1.0 - colour[3, hits.ray]) * shaded
        opacity = shaded[3]
    return Hits(*(np.concatenate([getattr(part, name) for part in solid], axis=-1) for name in ("ray", "depth", "face", "barycentric")))


def _shade(scene: Drawable, rays: Rays, hits: Hits, sampling: Sampling) -> np.ndarray:
    """Linear colour of hits, multiplied by opacity, (4, N) float32. rays: all M rays."""
    if sampling.samples == 1 or not len(hits.ray):
        return _look_up(scene, rays.part(hits.ray), hits, sampling)
    changes = (np.diff(hits.face) != 0) | (np.diff(hits.ray // sampling.samples) != 0)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(starts, append=len(hits.ray))
    middle = hits.part(starts + lengths // 2)
    return np.repeat(_look_up(scene, rays.part(middle.ray), middle, sampling), lengths, axis=1)


def _look_up(scene: Drawable, rays: Rays, hits: Hits, sampling: Sampling) -> np.ndarray:
    """Linear colour of hits, multiplied by opacity, (4, N) float32. rays: the N rays of the hits."""
    colour = scene.surface.base_colour(hits, rays.directions, sampling.pixel_length)
    if isinstance(sampling.light, EnvironmentLight):
        normal, flat = scene.surface.shading_normals(hits, rays.directions)
        view = rays.directions / np.linalg.norm(rays.directions, axis=0)
        points = Points(*(np.ascontiguousarray(rows.T) for rows in (rays.points(hits.depth), normal, flat, view)))
        colour[:3] = light_points(sampling.light, colour[:3].T, points, scene.occluded, sampling.light_rays).T
    if scene.surface.see_through:
        colour[:3] *= colour[3]
    return colour


def _geometry(scene: Drawable, rays: Rays, solid: Hits, pixels: np.ndarray, rgb: np.ndarray) -> Maps:
    """The exact maps of the solid hits beside a picture (H, W, 4). pixels: (M,) the flat index in the picture of each ray."""
    met, where, shape = rays.part(solid.ray), np.take(pixels, solid.ray), rgb.shape[:2]
    mask, depth = np.zeros(shape, bool), np.zeros(shape, np.float32)
    normal, position = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3), np.float32)
    mask.reshape(-1)[where], depth.reshape(-1)[where] = True, solid.depth
    facing, _ = scene.surface.shading_normals(solid, met.directions)
    for canvas, rows in ((normal, facing), (position, met.points(solid.depth))):
        for axis, row in enumerate(rows):
            canvas.reshape(-1, 3)[:, axis][where] = row
    return Maps(rgb, mask, depth, normal, position)


def _material_map(scene: Drawable, solid: Hits, size: Intrinsics) -> np.ndarray | None:
    """Which material each ray of a picture meets, counted from 1, (H, W) uint16; None where all are alike."""
    if scene.surface.plain:
        return None
    materials = np.zeros(size.height * size.width, np.uint16)
    materials[solid.ray] = np.take(scene.surface.face_material, solid.face) + 1
    return materials.reshape(size.height, size.width)


def find_edges(rgb: np.ndarray, depth: np.ndarray, material: np.ndarray | None, pixel_length: float) -> np.ndarray:
    """Pixels whose picture one ray cannot tell: outlines, and steps of depth or borders between materials whose two sides look different.

    rgb: (H, W, 4) uint8. depth: (H, W) float32 metres, 0 = no hit. material: (H, W) uint16 or None. pixel_length: metres at depth 1.
    Returns flat pixel indices. Depth is judged by the second difference of 1 / depth, which is zero on every plane.
    """
    contrast = cv2.morphologyEx(rgb, cv2.MORPH_GRADIENT, NEIGHBOURS)
    step = np.zeros(depth.shape, bool) if material is None else cv2.morphologyEx(material, cv2.MORPH_GRADIENT, NEIGHBOURS) > 0
    inverse = np.divide(1.0, depth, out=np.zeros_like(depth), where=depth > 0)
    allowed = np.float32(EDGE_BEND * pixel_length) * inverse
    for line in (SECOND_DIFFERENCE, SECOND_DIFFERENCE.T):
        step |= np.abs(cv2.filter2D(inverse, cv2.CV_32F, line, borderType=cv2.BORDER_REPLICATE)) > allowed
    red, green, blue, opacity = (plane > EDGE_CONTRAST for plane in cv2.split(contrast))
    return np.flatnonzero(opacity | (step & (red | green | blue)))


def _supersample(scene: Drawable, camera: Camera, centres: Rays, pixels: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Mean colour of the samples spread over E pixels, (4, E) float32."""
    total = np.zeros((4, len(pixels)), np.float32)
    for caster, rays in scene.spread(camera, centres, pixels, sampling.samples) if len(pixels) else ():
        each = len(rays) // len(pixels)
        colour, _ = trace(scene, caster, rays, replace(sampling, samples=each))
        total += colour.reshape(4, -1, each) @ np.full(each, 1.0 / sampling.samples, np.float32)
    return total


def _pack(colour: np.ndarray, rgb: np.ndarray, pixels: np.ndarray) -> None:
    """Write linear colour multiplied by opacity (4, M) as sRGB with straight alpha into `rgb` (H, W, 4) uint8 at flat indices (M,)."""
    covered = np.flatnonzero(colour[3] > 0)
    seen = np.take(colour, covered, axis=1)
    if seen[3].min(initial=1.0) < 1.0:
        seen[:3] /= seen[3]
    packed = np.stack([*encode_srgb(seen[:3]), np.rint(seen[3] * 255.0).astype(np.uint8)], axis=-1)
    rgb.reshape(-1).view(np.uint32)[pixels[covered]] = packed.view(np.uint32)[:, 0]
