"""Photographic pictures of a mesh: detailed material, sky light, one viewpoint near each view word (SPEC R10)."""

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera
from data_specs.ids import seed_from
from data_specs.params import MatchedRealParams
from models.geometry.camera_math import view_plan
from models.renderers.base import EnvironmentLight
from models.renderers.open3d_cpu import Open3DRenderer


class Photographer:
    """Takes the pictures of one mesh."""

    def __init__(self, mesh: Mesh, params: MatchedRealParams, seed: int) -> None:
        """seed: viewpoints and skies are drawn from it."""
        self.params, self.vertices, self.seed = params, mesh.vertices, seed
        self.renderer = Open3DRenderer()
        self.scene = self.renderer.load(mesh)

    def take(self, place: int) -> np.ndarray | None:
        """The picture near view word `place`, (S, S, 4) uint8; None when it shows nothing, such as a disc on edge, however often it is drawn."""
        light = EnvironmentLight(seed_from(self.seed, place), self.params.ambient_rays)
        for attempt in range(self.params.redraws + 1):
            rgba = self.renderer.render(self.scene, self._camera(place, attempt), light, self.params.samples_per_edge_pixel).rgb
            if rgba[..., 3].any():
                return rgba
        return None

    def _camera(self, place: int, attempt: int) -> Camera:
        seed = seed_from(self.seed, "again", attempt) if attempt else self.seed
        return view_plan("photographic4", self.params.size_pixels, seed, self.vertices)[place][1]
