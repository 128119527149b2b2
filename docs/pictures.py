"""The README's picture: `python -m docs.pictures` writes docs/procedural_world.png.

Every category of the procedural world, left as the synthetic domain sees it, right as the photographic one.
"""

from pathlib import Path

import cv2
import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, look_at
from models.geometry.procedural import CATEGORIES, build_object
from models.renderers.base import EnvironmentLight, LightSource, UniformLight
from models.renderers.open3d_cpu import Open3DRenderer

SIDE_PIXELS, COLUMNS, SEED = 128, 12, 1
CAMERA = Camera(Intrinsics.from_fov(SIDE_PIXELS, 30.0), look_at(5.3 * direction_at(30.0, 20.0)))


def picture(mesh: Mesh, light: LightSource) -> np.ndarray:
    """A mesh on white, (S, S, 3) uint8."""
    renderer = Open3DRenderer()
    rgba = renderer.render(renderer.load(mesh), CAMERA, light, 16).rgb.astype(np.float32)
    alpha = rgba[..., 3:] / 255.0
    return np.rint(rgba[..., :3] * alpha + 255.0 * (1.0 - alpha)).astype(np.uint8)


def main() -> None:
    """Draw all categories and write the picture."""
    pairs = []
    for category in CATEGORIES:
        made = build_object(category, SEED)
        pairs.append(np.hstack([picture(made.smooth, UniformLight()), picture(made.detailed, EnvironmentLight(SEED, 64))]))
    pairs += [np.full_like(pairs[0], 255)] * (-len(pairs) % (COLUMNS // 2))
    rows = [np.hstack(pairs[start : start + COLUMNS // 2]) for start in range(0, len(pairs), COLUMNS // 2)]
    path = Path(__file__).with_name("procedural_world.png")
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    print(path)


if __name__ == "__main__":
    main()
