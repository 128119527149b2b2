"""Rasterisation on a CUDA device by nvdiffrast instead of rays; hits are shaded by the same code as on the CPU.

nvdiffrast is an extra (`pip install atelier3d[nvdiffrast]`) under the Nvidia Source Code License, which forbids commercial use; it is
imported on use. Light rays of the environment light are cast by Embree, as nvdiffrast casts none.
"""

from collections.abc import Iterator

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera
from models.geometry.se3 import transform
from models.renderers.base import LightSource, Maps
from models.renderers.frame import MAX_LAYERS, draw
from models.renderers.open3d_cpu import Open3DRenderer
from models.renderers.open3d_cpu import Scene as EmbreeScene
from models.renderers.rays import Hits, Rays, sample_places, spread_rays
from models.renderers.surface import Surface

TILE = 8
"""The CUDA rasteriser takes multiples of this many rows and columns."""

NEAREST = 1e-3


class NvdiffrastRenderer:
    """`models/renderers/base.Renderer` on a CUDA device. Raises ValueError where the extra or the device is missing."""

    def __init__(self, device: str = "cuda") -> None:
        try:
            import nvdiffrast.torch as nvdiffrast
            import torch
        except ImportError as error:
            raise ValueError(
                "the renderer nvdiffrast_gpu needs the extra `nvdiffrast` (pip install atelier3d[nvdiffrast]; Nvidia Source Code License,"
                f" non-commercial) and a CUDA build of torch; or set render.back_end=open3d_cpu ({error})"
            ) from None
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError("the renderer nvdiffrast_gpu needs a CUDA device and torch sees none: set render.back_end=open3d_cpu")
        self.library, self.torch, self.device = nvdiffrast, torch, device
        self.context = nvdiffrast.RasterizeCudaContext(device=device)

    def load(self, mesh: Mesh) -> "Scene":
        """Copy the triangles to the device; raises ValueError for a mesh that cannot be drawn."""
        return Scene(self, Open3DRenderer().load(mesh))

    def render(self, scene: "Scene", camera: Camera, light: LightSource, samples_per_edge_pixel: int) -> Maps:
        """Draw one view; `samples_per_edge_pixel` = 1 leaves edges jagged."""
        return draw(scene, camera, light, samples_per_edge_pixel)


class Scene:
    """A mesh on the device (`frame.Drawable`), and in Embree for light rays."""

    def __init__(self, renderer: NvdiffrastRenderer, embree: EmbreeScene) -> None:
        self.renderer, self.embree, self.surface = renderer, embree, embree.surface
        self.faces = renderer.torch.from_numpy(self.surface.faces.astype(np.int32)).to(renderer.device)

    def occluded(self, rays: np.ndarray) -> np.ndarray:
        """Whether rays (M, 6) float32 hit anything, (M,) bool."""
        return self.embree.occluded(rays)

    def centres(self, camera: Camera, rays: Rays) -> "RasterCaster":
        """A caster of the rays through all pixel centres."""
        pixels = np.arange(camera.intrinsics.width * camera.intrinsics.height)
        return RasterCaster(self, camera, pixels, np.array([0.5, 0.5]))

    def spread(self, camera: Camera, centres: Rays, pixels: np.ndarray, samples: int) -> Iterator[tuple["RasterCaster", Rays]]:
        """One caster for each sample: the whole picture is rasterised with that place of every pixel as its centre."""
        for place in sample_places(samples):
            yield RasterCaster(self, camera, pixels, place), spread_rays(camera, centres, place[None])


class RasterCaster:
    """`frame.Caster` of the rays through one place (x, y) in [0, 1) of the pixels at flat indices (M,)."""

    def __init__(self, scene: Scene, camera: Camera, pixels: np.ndarray, place: np.ndarray) -> None:
        self.surface, self.pixels = scene.surface, pixels
        self.width, self.height = camera.intrinsics.width, camera.intrinsics.height
        self.depths = transform(camera.camera_from_world, self.surface.vertices)[:, 2]
        self.layers = iter(self._rasterise(scene, camera, place))

    def first(self) -> Hits:
        """The nearest surface of every ray that meets one."""
        return self._hits(next(self.layers))

    def behind(self, hits: Hits) -> Hits:
        """What the rays of `hits` meet next."""
        further = self._hits(next(self.layers))
        return further.part(np.isin(further.ray, hits.ray))

    def _rasterise(self, scene: Scene, camera: Camera, place: np.ndarray) -> list[np.ndarray]:
        """Layers (H', W', 4) float32, nearest first: weights of the first and second corner, depth in [-1, 1], face + 1 or 0."""
        renderer, resolution = scene.renderer, [-(-size // TILE) * TILE for size in (self.height, self.width)]
        clip = renderer.torch.from_numpy(clip_positions(camera, self.surface, place, resolution)).to(renderer.device)[None]
        task = (renderer.context, clip, scene.faces, resolution)
        if not self.surface.see_through:
            return [renderer.library.rasterize(*task)[0][0].cpu().numpy()]
        with renderer.library.DepthPeeler(*task) as peeler:
            return [peeler.rasterize_next_layer()[0][0].cpu().numpy() for _ in range(1 + MAX_LAYERS)]

    def _hits(self, raster: np.ndarray) -> Hits:
        """Weights are those of the triangle in space: depth is linear in them."""
        seen = np.take(raster[: self.height, : self.width].reshape(-1, 4), self.pixels, axis=0)
        ray = np.flatnonzero(seen[:, 3] > 0)
        face = seen[ray, 3].astype(np.int64) - 1
        first, second = seen[ray, 0].astype(np.float64), seen[ray, 1].astype(np.float64)
        weights = np.stack([first, second, 1.0 - first - second])
        corners = self.depths[self.surface.faces[face]]
        depth = np.einsum("cn,nc->n", weights, corners)
        return Hits(ray, depth.astype(np.float32), face, weights[1:].astype(np.float32))


def clip_positions(camera: Camera, surface: Surface, place: np.ndarray, size: list[int]) -> np.ndarray:
    """Vertices in homogeneous clip coordinates, (V, 4) float32: row 0 of the raster is the top of the picture.

    place: (2,) the point of every pixel that the rasteriser's pixel centre stands for. size: rows and columns of the raster.
    """
    k = camera.intrinsics
    x, y, depth = transform(camera.camera_from_world, surface.vertices).T
    near = max(0.99 * float(depth.min()), NEAREST)
    far = max(1.01 * float(depth.max()), 2.0 * near)
    shift_x, shift_y = 0.5 - place
    clip_x = 2.0 * (k.focal_x * x + (k.centre_x + shift_x) * depth) / size[1] - depth
    clip_y = 2.0 * (k.focal_y * y + (k.centre_y + shift_y) * depth) / size[0] - depth
    clip_z = ((far + near) * depth - 2.0 * far * near) / (far - near)
    return np.stack([clip_x, clip_y, clip_z, depth], axis=-1).astype(np.float32)
