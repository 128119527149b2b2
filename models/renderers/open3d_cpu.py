"""The default renderer: Embree rays (Open3D) for geometry, NumPy and OpenCV for shading. Needs neither GPU nor display.

Geometry maps hold the first surface that is at least half opaque, exactly at the pixel's centre. Colour is composited through
whatever is see-through before it. Letters: M rays, N hits, H x W pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import open3d as o3d

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import ray_directions
from models.renderers.base import EnvironmentLight, LightSource, Maps
from models.renderers.lights import Points, light_points
from models.renderers.surface import Hits, Surface
from models.renderers.textures import encode_srgb

MAX_LAYERS = 8
"""Surfaces along one ray that are looked through; what lies behind them is left out."""

LAYER_STEP = np.float32(1e-4)
SOLID = 0.5
EDGE_CONTRAST = 12
"""Neighbours whose colour or opacity differs by more (of 255) look different."""

EDGE_BEND = 1.5
"""A step is where depth bends by more than this many pixel lengths from one pixel to the next: creases of 75 degrees count."""

NEAREST = 1e-3
WINDOW_MARGIN = 2
NEIGHBOURS = np.ones((3, 3), np.uint8)
SECOND_DIFFERENCE = np.array([[1.0, -2.0, 1.0]], np.float32)


@dataclass(frozen=True)
class Scene:
    """A loaded mesh: acceleration structure and look-up tables."""

    embree: o3d.t.geometry.RaycastingScene
    surface: Surface

    def occluded(self, rays: np.ndarray) -> np.ndarray:
        """Whether rays (M, 6) float32 hit anything, (M,) bool."""
        return self.embree.test_occlusions(o3d.core.Tensor.from_numpy(rays)).numpy()


@dataclass(frozen=True)
class Sampling:
    """How rays are shaded.

    pixel_length: metres that a sample is wide at depth 1. light_rays: per hit, for environment light. averaged: samples are averaged afterwards.
    """

    light: LightSource
    pixel_length: float
    light_rays: int
    averaged: bool


class Open3DRenderer:
    """`models/renderers/base.Renderer` on the CPU. Calls are independent: one instance may be shared by threads."""

    def load(self, mesh: Mesh) -> Scene:
        """Build the acceleration structure and the mip levels; raises ValueError for a mesh that cannot be drawn."""
        surface = Surface(mesh)
        embree = o3d.t.geometry.RaycastingScene()
        vertices = o3d.core.Tensor.from_numpy(np.ascontiguousarray(mesh.vertices, np.float32))
        embree.add_triangles(vertices, o3d.core.Tensor.from_numpy(np.ascontiguousarray(mesh.faces, np.uint32)))
        return Scene(embree, surface)

    def render(self, scene: Scene, camera: Camera, light: LightSource, samples_per_edge_pixel: int) -> Maps:
        """Draw one view; `samples_per_edge_pixel` = 1 leaves edges jagged."""
        window = object_window(scene.surface.vertices, camera)
        return _paste(_render_window(scene, crop(camera, window), light, samples_per_edge_pixel), window, camera.intrinsics)


def _render_window(scene: Scene, camera: Camera, light: LightSource, samples: int) -> Maps:
    k = camera.intrinsics
    rays = image_rays(camera)
    light_rays = light.rays if isinstance(light, EnvironmentLight) else 0
    colour, solid = trace(scene, rays, Sampling(light, 1.0 / k.focal_x, light_rays, averaged=False))
    maps = _geometry(scene, rays, solid, _pack(colour).reshape(k.height, k.width, 4))
    if samples > 1:
        edges = find_edges(maps.rgb, maps.depth, _material_map(scene, solid, maps.mask), 1.0 / k.focal_x)
        fine = Sampling(light, 1.0 / (k.focal_x * samples**0.5), max(light_rays // samples, 1), averaged=True)
        maps.rgb.reshape(-1, 4)[edges] = _pack(_supersample(scene, camera, rays[edges], fine, samples))
    return maps


def object_window(vertices: np.ndarray, camera: Camera) -> tuple[slice, slice]:
    """The rows and columns in which vertices (V, 3) may be seen, with a margin; the whole picture when some lie behind the camera."""
    k, matrix = camera.intrinsics, camera.camera_from_world.astype(np.float32)
    x, y, depth = matrix[:3, :3] @ vertices.T + matrix[:3, 3:]
    if float(depth.min()) < NEAREST:
        return slice(0, k.height), slice(0, k.width)
    x, y = x / depth * np.float32(k.focal_x) + np.float32(k.centre_x), y / depth * np.float32(k.focal_y) + np.float32(k.centre_y)
    return _span(y, k.height), _span(x, k.width)


def _span(values: np.ndarray, size: int) -> slice:
    """Pixels from the smallest to the largest value, at least one, inside [0, size)."""
    start = min(max(int(values.min()) - WINDOW_MARGIN, 0), size - 1)
    return slice(start, max(min(int(values.max()) + WINDOW_MARGIN + 1, size), start + 1))


def crop(camera: Camera, window: tuple[slice, slice]) -> Camera:
    """The camera whose picture is a window of the original's."""
    k, (rows, columns) = camera.intrinsics, window
    width, height = columns.stop - columns.start, rows.stop - rows.start
    return Camera(Intrinsics(width, height, k.focal_x, k.focal_y, k.centre_x - columns.start, k.centre_y - rows.start), camera.camera_from_world)


def _paste(maps: Maps, window: tuple[slice, slice], full: Intrinsics) -> Maps:
    pasted = []
    for part in (maps.rgb, maps.mask, maps.depth, maps.normal, maps.position):
        canvas = np.zeros((full.height, full.width, *part.shape[2:]), part.dtype)
        canvas[window] = part
        pasted.append(canvas)
    return Maps(*pasted)


def image_rays(camera: Camera) -> np.ndarray:
    """Rays (H * W, 6) float32 through every pixel's centre; directions have length 1 along +Z, so a hit's distance is its depth."""
    k = camera.intrinsics
    centre = ray_directions(camera, np.array([k.centre_x, k.centre_y]))
    across = ray_directions(camera, np.stack([np.arange(k.width) + 0.5, np.full(k.width, k.centre_y)], axis=-1))
    down = ray_directions(camera, np.stack([np.full(k.height, k.centre_x), np.arange(k.height) + 0.5], axis=-1)) - centre
    rays = np.empty((k.height, k.width, 6), np.float32)
    for axis, origin in enumerate(camera.world_position()):
        rays[..., axis] = origin
        np.add(across[:, axis], down[:, axis, None], out=rays[..., 3 + axis], casting="same_kind")
    return rays.reshape(-1, 6)


def cast(embree: o3d.t.geometry.RaycastingScene, rays: np.ndarray) -> Hits:
    """The first surface of each ray (M, 6) float32 that meets one."""
    answer = embree.cast_rays(o3d.core.Tensor.from_numpy(rays))
    depth = answer["t_hit"].numpy()
    ray = np.flatnonzero(depth < np.inf)
    return Hits(ray, depth[ray], *(answer[name].numpy()[ray] for name in ("primitive_ids", "primitive_uvs", "primitive_normals")))


def trace(scene: Scene, rays: np.ndarray, sampling: Sampling) -> tuple[np.ndarray, Hits]:
    """Colour of rays (M, 6) float32 and the solid surfaces they meet.

    Returns (M, 4) float32 linear, multiplied by opacity, composited front to back; and the first hit of each ray that is at least half opaque.
    """
    hits = cast(scene.embree, rays)
    shaded = _shade(scene, rays[hits.ray], hits, sampling)
    colour = np.zeros((len(rays), 4), np.float32)
    colour[hits.ray] = shaded
    if not scene.surface.see_through:
        return colour, hits
    return colour, _look_through(scene, rays, sampling, hits, colour)


def _look_through(scene: Scene, rays: np.ndarray, sampling: Sampling, hits: Hits, colour: np.ndarray) -> Hits:
    """Add what lies behind see-through surfaces to `colour`; returns the solid hits."""
    found, solid, opacity = np.zeros(len(rays), bool), [], colour[hits.ray, 3]
    for _ in range(MAX_LAYERS):
        first = (opacity >= SOLID) & ~found[hits.ray]
        found[hits.ray[first]] = True
        solid.append(hits.part(first))
        hits = _behind(scene, rays, hits.part(opacity < 1.0))
        if not len(hits.ray):
            break
        shaded = _shade(scene, rays[hits.ray], hits, sampling)
        colour[hits.ray] += (1.0 - colour[hits.ray, 3:]) * shaded
        opacity = shaded[:, 3]
    return _join(solid)


def _behind(scene: Scene, rays: np.ndarray, hits: Hits) -> Hits:
    """What rays meet next, after `hits`."""
    start = hits.depth + LAYER_STEP
    moved = rays[hits.ray]
    moved[:, :3] += start[:, None] * moved[:, 3:]
    further = cast(scene.embree, moved)
    depth = further.depth + start[further.ray]
    return Hits(hits.ray[further.ray], depth, further.face, further.barycentric, further.flat_normal)


def _join(parts: list[Hits]) -> Hits:
    if len(parts) == 1:
        return parts[0]
    return Hits(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("ray", "depth", "face", "barycentric", "flat_normal")))


def _shade(scene: Scene, rays: np.ndarray, hits: Hits, sampling: Sampling) -> np.ndarray:
    """Linear colour of hits, multiplied by opacity, (N, 4) float32. rays: (N, 6), the ray of each hit."""
    colour = scene.surface.base_colour(hits, rays[:, 3:], sampling.pixel_length, sampling.averaged)
    if isinstance(sampling.light, EnvironmentLight):
        normal, flat = scene.surface.shading_normals(hits, rays[:, 3:])
        view = rays[:, 3:] / np.linalg.norm(rays[:, 3:], axis=-1, keepdims=True)
        points = Points(_positions(rays, hits), normal, flat, view)
        colour[:, :3] = light_points(sampling.light, colour[:, :3], points, scene.occluded, sampling.light_rays)
    if scene.surface.see_through:
        colour[:, :3] *= colour[:, 3:]
    return colour


def _positions(rays: np.ndarray, hits: Hits) -> np.ndarray:
    return rays[:, :3] + hits.depth[:, None] * rays[:, 3:]


def _geometry(scene: Scene, rays: np.ndarray, solid: Hits, rgb: np.ndarray) -> Maps:
    """The exact maps of the solid hits beside a picture (H, W, 4)."""
    met, pixels = rays[solid.ray], len(rays)
    mask, depth = np.zeros(pixels, bool), np.zeros(pixels, np.float32)
    normal, position = np.zeros((pixels, 3), np.float32), np.zeros((pixels, 3), np.float32)
    mask[solid.ray], depth[solid.ray] = True, solid.depth
    normal[solid.ray], _ = scene.surface.shading_normals(solid, met[:, 3:])
    position[solid.ray] = _positions(met, solid)
    shape = rgb.shape[:2]
    return Maps(rgb, mask.reshape(shape), depth.reshape(shape), normal.reshape(*shape, 3), position.reshape(*shape, 3))


def _material_map(scene: Scene, solid: Hits, mask: np.ndarray) -> np.ndarray:
    materials = np.zeros(mask.size, np.uint16)
    materials[solid.ray] = scene.surface.face_material[solid.face] + 1
    return materials.reshape(mask.shape)


def find_edges(rgb: np.ndarray, depth: np.ndarray, material: np.ndarray, pixel_length: float) -> np.ndarray:
    """Pixels whose picture one ray cannot tell: outlines, and steps of depth or borders between materials whose two sides look different.

    rgb: (H, W, 4) uint8. depth: (H, W) float32 metres, 0 = no hit. material: (H, W) uint16. pixel_length: metres at depth 1.
    Returns flat pixel indices. Depth is judged by the second difference of 1 / depth, which is zero on every plane.
    """
    contrast = cv2.morphologyEx(rgb, cv2.MORPH_GRADIENT, NEIGHBOURS)
    step = cv2.morphologyEx(material, cv2.MORPH_GRADIENT, NEIGHBOURS) > 0
    inverse = np.divide(1.0, depth, out=np.zeros_like(depth), where=depth > 0)
    allowed = np.float32(EDGE_BEND * pixel_length) * inverse
    for line in (SECOND_DIFFERENCE, SECOND_DIFFERENCE.T):
        step |= np.abs(cv2.filter2D(inverse, cv2.CV_32F, line, borderType=cv2.BORDER_REPLICATE)) > allowed
    red, green, blue, opacity = (plane > EDGE_CONTRAST for plane in cv2.split(contrast))
    return np.flatnonzero(opacity | (step & (red | green | blue)))


def _supersample(scene: Scene, camera: Camera, centre_rays: np.ndarray, sampling: Sampling, samples: int) -> np.ndarray:
    """Mean colour of `samples` rays spread over each pixel, (E, 4) float32. centre_rays: (E, 6), through the pixels' centres."""
    place = np.arange(samples)
    spread = np.stack([(place + 0.5) / samples, (place * 0.7548776662 + 0.5) % 1.0], axis=-1)
    offsets = ray_directions(camera, spread) - ray_directions(camera, np.array([0.5, 0.5]))
    rays = np.concatenate([centre_rays + np.array([0.0, 0.0, 0.0, *offset], np.float32) for offset in offsets])
    colour, _ = trace(scene, rays, sampling)
    return colour.reshape(samples, -1, 4).mean(axis=0)


def _pack(colour: np.ndarray) -> np.ndarray:
    """Linear colour multiplied by opacity (M, 4) -> sRGB with straight alpha, (M, 4) uint8."""
    packed = np.zeros(colour.shape, np.uint8)
    covered = np.flatnonzero(colour[:, 3] > 0)
    seen = colour[covered]
    if seen[:, 3].min(initial=1.0) < 1.0:
        seen[:, :3] /= seen[:, 3:]
    packed[covered, :3] = encode_srgb(seen[:, :3])
    packed[covered, 3] = np.rint(seen[:, 3] * 255.0)
    return packed
