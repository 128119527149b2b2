"""What every renderer does: one mesh, one camera, one light -> exact geometry maps and an anti-aliased picture."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera


@dataclass(frozen=True)
class Maps:
    """One rendered view (conventions.py).

    rgb: (H, W, 4) uint8 sRGB, straight alpha, edges anti-aliased. mask: (H, W) bool, the pixel centre's ray hits.
    depth: (H, W) float32 metres along +Z, 0 = no hit. normal: (H, W, 3) float32 unit, object frame, facing the camera.
    position: (H, W, 3) float32 object coordinates. Geometry maps are taken at pixel centres and never filtered.
    """

    rgb: np.ndarray
    mask: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    position: np.ndarray


@dataclass(frozen=True)
class UniformLight:
    """White light from everywhere: the picture is the base colour."""


@dataclass(frozen=True)
class EnvironmentLight:
    """A procedural sky with a sun, drawn from `seed`; shadow and ambient occlusion by `rays` rays per pixel."""

    seed: int
    rays: int = 16


LightSource = UniformLight | EnvironmentLight


class Renderer(Protocol):
    """A back end. World and object frame coincide: the mesh is already canonical."""

    def load(self, mesh: Mesh) -> Any:
        """Prepare a mesh once (acceleration structure, mip levels) for any number of views."""
        ...

    def render(self, scene: Any, camera: Camera, light: LightSource, samples_per_edge_pixel: int) -> Maps:
        """Draw one view of a loaded scene."""
        ...
