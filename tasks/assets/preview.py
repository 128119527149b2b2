"""The preview picture of an asset: three-quarter view from the front, uniform light, grey background (many assets are white)."""

import cv2
import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, distance_to_fit, look_at
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer

SIZE_PIXELS = 256
BACKGROUND = 225.0
FOV_DEGREES = 30.0
AZIMUTH_DEGREES, ELEVATION_DEGREES = 35.0, 20.0
SAMPLES_PER_EDGE_PIXEL = 8


def preview_picture(mesh: Mesh, azimuth_degrees: float = AZIMUTH_DEGREES, elevation_degrees: float = ELEVATION_DEGREES) -> np.ndarray:
    """Draw a canonical mesh, framed by its own vertices: (SIZE_PIXELS, SIZE_PIXELS, 3) uint8 sRGB on grey."""
    direction = direction_at(azimuth_degrees, elevation_degrees)
    eye = 1.05 * distance_to_fit(direction, FOV_DEGREES, mesh.vertices) * direction
    camera = Camera(Intrinsics.from_fov(SIZE_PIXELS, FOV_DEGREES), look_at(eye))
    renderer = Open3DRenderer()
    rgba = renderer.render(renderer.load(mesh), camera, UniformLight(), SAMPLES_PER_EDGE_PIXEL).rgb.astype(np.float32)
    alpha = rgba[..., 3:] / 255.0
    return np.rint(rgba[..., :3] * alpha + BACKGROUND * (1.0 - alpha)).astype(np.uint8)


def preview_jpeg(mesh: Mesh) -> bytes:
    """The `preview.jpg` member of an asset shard."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(preview_picture(mesh), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done, "OpenCV encodes every 8-bit RGB array"
    return data.tobytes()
