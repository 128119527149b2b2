"""One asset to four pictures of the photographic domain: detailed material, sky light, one viewpoint near each view word (SPEC R10)."""

from dataclasses import dataclass

import numpy as np

from data_specs.decision import Decision
from data_specs.ids import seed_from
from data_specs.matched_real import VIEW_WORDS, MatchedRealRecord
from data_specs.params import MatchedRealParams
from data_specs.sample import Sample
from models.renderers.photographs import Photographer
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
    pictures = Photographer(mesh, job.params, seed_from(job.seed, WORD, key))
    taken: list[np.ndarray] = []
    for place, word in enumerate(VIEW_WORDS):
        rgba = pictures.take(place)
        if rgba is None:
            tries = job.params.redraws + 1
            message = f"picture {place} ({word}) shows nothing from {tries} viewpoints: the mesh is too thin, too small or transparent"
            return None, [Decision(item_id=key, stage=WORD, verdict="dropped", rule="nothing_visible", message=message)]
        taken.append(rgba)
    return make_sample(MatchedRealRecord.of(job.asset.record(), "photographic_render"), taken), []
