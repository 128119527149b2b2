"""The default renderer: Embree rays (Open3D) for geometry, NumPy and OpenCV for shading. Needs neither GPU nor display.

Geometry maps hold the first surface that is at least half opaque, exactly at the pixel's centre. Colour is composited through
whatever is see-through before it. Letters: M rays, N hits, H x W pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import open3d as o3d

from data_specs.asset import Mesh
from data_specs.camera import Camera
from models.geometry.camera_math import pixel_centres, ray_directions
from models.renderers.base import EnvironmentLight, LightSource, Maps
from models.renderers.lights import Points, light_points
from models.renderers.surface import Hits, Surface
from models.renderers.textures import encode_srgb

MAX_LAYERS = 8
"""Surfaces along one ray that are looked through; what lies behind them is left out."""

LAYER_STEP = np.float32(1e-4)
SOLID = 0.5
EDGE_ALPHA = 48
"""Neighbours whose opacity differs by more (of 255) are an edge."""

EDGE_BEND = 1.5
"""An edge is where depth bends by more than this many pixel lengths from one pixel to the next: creases of 75 degrees and all steps."""


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
    """How rays are shaded. pixel_length: metres that a sample is wide at depth 1. light_rays: per hit, for environment light."""

    light: LightSource
    pixel_length: float
    light_rays: int


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
        k = camera.intrinsics
        light_rays = light.rays if isinstance(light, EnvironmentLight) else 0
        rays = camera_rays(camera, pixel_centres(k.width, k.height)).reshape(-1, 6)
        colour, solid = trace(scene, rays, Sampling(light, 1.0 / k.focal_x, light_rays))
        maps = _geometry(scene, rays, solid, (k.height, k.width))
        if samples_per_edge_pixel > 1:
            edges = find_edges(colour[:, 3].reshape(k.height, k.width), maps.depth, _material_map(scene, solid, maps.mask), 1.0 / k.focal_x)
            fine = Sampling(light, 1.0 / (k.focal_x * samples_per_edge_pixel**0.5), max(light_rays // samples_per_edge_pixel, 1))
            colour[edges] = _supersample(scene, camera, edges, fine, samples_per_edge_pixel)
        return Maps(_pack(colour).reshape(k.height, k.width, 4), maps.mask, maps.depth, maps.normal, maps.position)


def camera_rays(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """Rays (..., 6) float32 through image coordinates (..., 2), their directions one metre long along +Z: a hit's distance is its depth."""
    rays = np.empty((*pixels.shape[:-1], 6), np.float32)
    rays[..., :3] = camera.world_position()
    rays[..., 3:] = ray_directions(camera, pixels)
    return rays


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
    colour, left = np.zeros((len(rays), 4), np.float32), np.ones(len(rays), np.float32)
    found, solid = np.zeros(len(rays), bool), []
    hits = cast(scene.embree, rays)
    for _ in range(MAX_LAYERS):
        shaded = _shade(scene, rays[hits.ray], hits, sampling)
        colour[hits.ray] += left[hits.ray, None] * shaded
        left[hits.ray] *= 1.0 - shaded[:, 3]
        first = (shaded[:, 3] >= SOLID) & ~found[hits.ray]
        solid.append(hits.part(first))
        found[hits.ray] |= first
        through = np.flatnonzero(shaded[:, 3] < 1.0)
        if not len(through):
            break
        hits = _behind(scene, rays, hits.part(through))
    return colour, _join(solid)


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
    view = rays[:, 3:] / np.linalg.norm(rays[:, 3:], axis=-1, keepdims=True)
    base, opacity = scene.surface.base_colour(hits, view, hits.depth * np.float32(sampling.pixel_length))
    if isinstance(sampling.light, EnvironmentLight):
        normal, flat = scene.surface.shading_normals(hits, view)
        points = Points(rays[:, :3] + hits.depth[:, None] * rays[:, 3:], normal, flat, view)
        base = light_points(sampling.light, base, points, scene.occluded, sampling.light_rays)
    return np.concatenate([base * opacity[:, None], opacity[:, None]], axis=1)


def _geometry(scene: Scene, rays: np.ndarray, solid: Hits, shape: tuple[int, int]) -> Maps:
    """The exact maps of the solid hits; the picture is still empty."""
    met = rays[solid.ray]
    normal, _ = scene.surface.shading_normals(solid, met[:, 3:])
    mask = np.zeros(len(rays), bool)
    depth, normals, positions = np.zeros(len(rays), np.float32), np.zeros((len(rays), 3), np.float32), np.zeros((len(rays), 3), np.float32)
    mask[solid.ray], depth[solid.ray], normals[solid.ray] = True, solid.depth, normal
    positions[solid.ray] = met[:, :3] + solid.depth[:, None] * met[:, 3:]
    empty = np.zeros((*shape, 4), np.uint8)
    return Maps(empty, mask.reshape(shape), depth.reshape(shape), normals.reshape(*shape, 3), positions.reshape(*shape, 3))


def _material_map(scene: Scene, solid: Hits, mask: np.ndarray) -> np.ndarray:
    materials = np.zeros(mask.size, np.uint16)
    materials[solid.ray] = scene.surface.face_material[solid.face] + 1
    return materials.reshape(mask.shape)


def find_edges(alpha: np.ndarray, depth: np.ndarray, material: np.ndarray, pixel_length: float) -> np.ndarray:
    """Pixels whose picture one ray cannot tell: outlines, steps and creases of depth, borders between materials.

    alpha: (H, W) float32 opacity. depth: (H, W) float32 metres, 0 = no hit. material: (H, W) uint16. pixel_length: metres at depth 1.
    Returns flat pixel indices. Depth is judged by the second difference of 1 / depth, which is zero on every plane.
    """
    kernel = np.ones((3, 3), np.uint8)
    opacity = np.rint(alpha * 255.0).astype(np.uint8)
    edge = cv2.morphologyEx(opacity, cv2.MORPH_GRADIENT, kernel) > EDGE_ALPHA
    edge |= cv2.morphologyEx(material, cv2.MORPH_GRADIENT, kernel) > 0
    inverse = np.divide(1.0, depth, out=np.zeros_like(depth), where=depth > 0)
    allowed = np.float32(EDGE_BEND * pixel_length) * inverse
    for line in (np.array([[1.0, -2.0, 1.0]], np.float32), np.array([[1.0], [-2.0], [1.0]], np.float32)):
        edge |= np.abs(cv2.filter2D(inverse, cv2.CV_32F, line, borderType=cv2.BORDER_REPLICATE)) > allowed
    return np.flatnonzero(edge)


def _supersample(scene: Scene, camera: Camera, pixels: np.ndarray, sampling: Sampling, samples: int) -> np.ndarray:
    """Mean colour of `samples` rays spread over each pixel, (E, 4) float32; pixels are flat indices (E,)."""
    spread = np.stack([(np.arange(samples) + 0.5) / samples, (np.arange(samples) * 0.7548776662 + 0.5) % 1.0], axis=-1)
    corner = np.stack([pixels % camera.intrinsics.width, pixels // camera.intrinsics.width], axis=-1)
    rays = camera_rays(camera, corner[:, None] + spread)
    colour, _ = trace(scene, rays.reshape(-1, 6), sampling)
    return colour.reshape(len(pixels), samples, 4).mean(axis=1)


def _pack(colour: np.ndarray) -> np.ndarray:
    """Linear colour multiplied by opacity (M, 4) -> sRGB with straight alpha, (M, 4) uint8."""
    packed = np.zeros(colour.shape, np.uint8)
    covered = np.flatnonzero(colour[:, 3] > 0)
    seen = colour[covered]
    packed[covered, :3] = encode_srgb(seen[:, :3] / seen[:, 3:])
    packed[covered, 3] = np.rint(np.minimum(seen[:, 3], 1.0) * 255.0)
    return packed
