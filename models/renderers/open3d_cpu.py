"""The default renderer: Embree rays (Open3D) for geometry, NumPy and OpenCV for shading. Needs neither GPU nor display."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import open3d as o3d

from data_specs.asset import Mesh
from data_specs.camera import Camera
from models.renderers.base import LightSource, Maps
from models.renderers.frame import draw
from models.renderers.rays import Hits, Rays, sample_places, spread_rays
from models.renderers.surface import Surface

LAYER_STEP = np.float32(1e-4)
"""The next surface along a ray lies at least this much deeper, in metres."""


class Open3DRenderer:
    """`models/renderers/base.Renderer` on the CPU. Calls are independent: one instance may be shared by threads."""

    def load(self, mesh: Mesh) -> "Scene":
        """Build the acceleration structure and the mip levels; raises ValueError for a mesh that cannot be drawn."""
        surface = Surface(mesh)
        embree = o3d.t.geometry.RaycastingScene(nthreads=threads())
        embree.add_triangles(o3d.core.Tensor.from_numpy(surface.vertices), o3d.core.Tensor.from_numpy(surface.faces))
        return Scene(embree, surface)

    def render(self, scene: "Scene", camera: Camera, light: LightSource, samples_per_edge_pixel: int) -> Maps:
        """Draw one view; `samples_per_edge_pixel` = 1 leaves edges jagged."""
        return draw(scene, camera, light, samples_per_edge_pixel)


@dataclass(frozen=True)
class Scene:
    """A loaded mesh (`frame.Drawable`): acceleration structure and look-up tables."""

    embree: o3d.t.geometry.RaycastingScene
    surface: Surface

    def occluded(self, rays: np.ndarray) -> np.ndarray:
        """Whether rays (M, 6) float32 hit anything, (M,) bool."""
        return self.embree.test_occlusions(o3d.core.Tensor.from_numpy(rays), nthreads=threads()).numpy()

    def centres(self, camera: Camera, rays: Rays) -> "EmbreeCaster":
        """A caster of the rays through all pixel centres."""
        return EmbreeCaster(self.embree, rays)

    def spread(self, camera: Camera, centres: Rays, pixels: np.ndarray, samples: int) -> Iterator[tuple["EmbreeCaster", Rays]]:
        """One caster of all samples of all pixels."""
        rays = spread_rays(camera, centres, sample_places(samples))
        yield EmbreeCaster(self.embree, rays), rays


@dataclass(frozen=True)
class EmbreeCaster:
    """`frame.Caster` of any rays."""

    embree: o3d.t.geometry.RaycastingScene
    rays: Rays

    def first(self) -> Hits:
        """The nearest surface of every ray that meets one."""
        return cast(self.embree, self.rays.interleaved())

    def behind(self, hits: Hits) -> Hits:
        """What the rays of `hits` meet next."""
        start = hits.depth + LAYER_STEP
        further = cast(self.embree, self.rays.part(hits.ray).interleaved(start))
        return Hits(hits.ray[further.ray], start[further.ray] + further.depth, further.face, further.barycentric)


def cast(embree: o3d.t.geometry.RaycastingScene, rays: np.ndarray) -> Hits:
    """The first surface that each ray (M, 6) meets."""
    answer = embree.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=threads())
    depth = answer["t_hit"].numpy()
    ray = np.flatnonzero(depth < np.inf)
    face, barycentric = np.take(answer["primitive_ids"].numpy(), ray), np.take(answer["primitive_uvs"].numpy(), ray, axis=0)
    return Hits(ray, np.take(depth, ray), face.astype(np.int64), np.ascontiguousarray(barycentric.T))


def threads() -> int:
    """How many threads Embree may use: OMP_NUM_THREADS, a worker process's share of the machine; 0, all cores, where it is not set.

    Embree itself (TBB) would take every core of the machine in each of several worker processes.
    """
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(given) if given.isdigit() else 0
