"""One asset to four pictures of the photographic domain: detailed material, sky light, one viewpoint near each view word (SPEC R10)."""

from dataclasses import dataclass

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera
from data_specs.decision import Decision
from data_specs.ids import seed_from
from data_specs.matched_real import VIEW_WORDS, MatchedRealRecord
from data_specs.params import MatchedRealParams
from data_specs.sample import Sample
from models.geometry.camera_math import view_plan
from models.renderers.base import EnvironmentLight
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.asset_shards import StoredAsset
from tasks.matched_real.samples import WORD, make_sample


@dataclass(frozen=True)
class PictureJob:
    """An asset and how its pictures are made; viewpoints and skies are drawn from (seed, asset id)."""

    asset: StoredAsset
    params: MatchedRealParams
    seed: int


def picture_asset(job: PictureJob) -> tuple[Sample | None, list[Decision]]:
    """Take four pictures, each under its own sky. An asset of which one shows nothing gives no sample and a `nothing_visible` decision."""
    key, mesh = job.asset.key, job.asset.mesh(photographic=True)
    pictures = _Photographer(job, mesh)
    taken: list[np.ndarray] = []
    for place, word in enumerate(VIEW_WORDS):
        rgba = pictures.take(place)
        if rgba is None:
            tries = job.params.redraws + 1
            message = f"picture {place} ({word}) shows nothing from {tries} viewpoints: the mesh is too thin, too small or transparent"
            return None, [Decision(item_id=key, stage=WORD, verdict="dropped", rule="nothing_visible", message=message)]
        taken.append(rgba)
    return make_sample(MatchedRealRecord.of(job.asset.record(), "photographic_render"), taken), []


class _Photographer:
    """Takes the pictures of one mesh."""

    def __init__(self, job: PictureJob, mesh: Mesh) -> None:
        self.params, self.vertices = job.params, mesh.vertices
        self.seed = seed_from(job.seed, WORD, job.asset.key)
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
