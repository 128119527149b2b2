"""Views of a mesh to the mesh with their texture (SPEC R14), in its own frame, and what it looks like from all around."""

from dataclasses import dataclass, replace

import numpy as np

from data_specs.asset import Front, Mesh
from data_specs.camera import Camera
from models.diffusion.pictures import on_white
from models.geometry.back_projection import SurfaceView
from models.geometry.camera_math import view_plan
from models.geometry.glb_writer import write_glb
from models.geometry.mesh_ops import turn_front
from models.geometry.texture_baking import BakedMesh, bake_views
from models.metrics.image_quality import psnr
from models.renderers.back_ends import open_renderer
from models.renderers.base import Maps, Renderer, UniformLight
from tasks.generate.subject import Subject
from tasks.generate.unwrapping import Atlas

OPAQUE = 255
TEXELS_PER_PIXEL, MIN_TEXTURE, MAX_TEXTURE = 4, 256, 4096
INSET_SHARE = 1.0 / 100.0
"""Generated outlines stray from the true ones by about this share of a picture's side, and by a pixel at least."""

TURNTABLE_PIXELS = 256
BACK: dict[Front, Front] = {"+x": "-x", "-x": "+x"}
"""What undoes a turn of the front; the half turn undoes itself."""


@dataclass(frozen=True)
class Textured:
    """A painted mesh. glb: in the source's frame and units. turntable: (8, H, W, 3) uint8, renders from all around.

    seen: share of the texture that the views show. psnr: dB of the views against renders of the painted mesh, inside the object (SPEC R13).
    """

    glb: bytes
    turntable: np.ndarray
    seen: float
    psnr: float


def render_views(mesh: Mesh, cameras: list[Camera], back_end: str, samples_per_edge_pixel: int) -> list[Maps]:
    """Pictures and maps of a mesh under uniform light, as the synthetic domain has them."""
    renderer: Renderer = open_renderer(back_end)
    scene = renderer.load(mesh)
    return [renderer.render(scene, camera, UniformLight(), samples_per_edge_pixel) for camera in cameras]


def texture_side(asked: int, view_pixels: int) -> int:
    """Texels along a side of the texture: as asked, else four times as many as a view has pixels."""
    return asked or min(max(TEXELS_PER_PIXEL * view_pixels, MIN_TEXTURE), MAX_TEXTURE)


def paint(subject: Subject, atlas: Atlas, pictures: np.ndarray, maps: list[Maps], cameras: list[Camera], side: int) -> Textured:
    """Paint the subject with its generated views: pictures (4, H, W, 3) uint8, pixel by pixel on `maps`. Raises ValueError when nothing is seen."""
    see_through = any(material.alpha_mode != "opaque" for material in subject.mesh.materials)
    views = [_surface_view(*each, see_through) for each in zip(pictures, maps, cameras, strict=True)]
    baked = bake_views(subject.mesh, atlas.corner_uv, views, side, max(round(INSET_SHARE * pictures.shape[1]), 1))
    moved = replace(baked.mesh, vertices=(baked.mesh.vertices * subject.scale + np.array(subject.offset)).astype(np.float32))
    return Textured(write_glb(turn_front(moved, BACK.get(subject.front, subject.front))), _turntable(baked), baked.seen, _agreement(baked, views))


def _surface_view(picture: np.ndarray, maps: Maps, camera: Camera, see_through: bool) -> SurfaceView:
    """The mask leaves out pixels that the object covers in part, unless it is see-through: they show the background too."""
    mask = maps.mask if see_through else maps.mask & (maps.rgb[..., 3] == OPAQUE)
    return SurfaceView(picture / 255.0, mask, maps.position.astype(np.float64), maps.normal.astype(np.float64), camera)


def _turntable(baked: BakedMesh) -> np.ndarray:
    cameras = [camera for _, camera in view_plan("turntable8", TURNTABLE_PIXELS, 0)]
    return np.stack([on_white(maps.rgb) for maps in render_views(baked.mesh, cameras, "open3d_cpu", samples_per_edge_pixel=8)])


def _agreement(baked: BakedMesh, views: list[SurfaceView]) -> float:
    again = render_views(baked.mesh, [view.camera for view in views], "open3d_cpu", samples_per_edge_pixel=8)
    mask = np.concatenate([view.mask for view in views])
    return psnr(np.concatenate([on_white(maps.rgb) / 255.0 for maps in again]), np.concatenate([view.rgb for view in views]), mask)
