"""One caption to four pictures by a base model, one for each view word, screened and drawn again where they fail (SPEC R10)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

from data_specs.asset import AssetRecord
from data_specs.decision import Decision
from data_specs.ids import seed_from
from data_specs.matched_real import VIEW_WORDS, MatchedRealRecord
from data_specs.params import MatchedRealParams
from data_specs.sample import Sample
from models.diffusion.picture_sampling import photographic_prompt, sample_pictures
from models.diffusion.text_to_image import TextToImage, load_text_to_image
from tasks.asset_shards import StoredAsset
from tasks.matched_real.samples import WORD, make_sample
from tasks.matched_real.screening import Refusal, screen
from tasks.weights import Weights


@dataclass(frozen=True)
class BaseJob:
    """An asset whose caption is pictured, the model that does it, and how; noise is drawn from (seed, asset id, view word, try)."""

    asset: StoredAsset
    params: MatchedRealParams
    seed: int
    base: Weights


def picture_caption(job: BaseJob) -> tuple[Sample | None, list[Decision]]:
    """Draw four pictures. A refused one is drawn again with other noise; a caption of which one never passes gives no sample and a decision.

    A kept sample comes with a decision for each picture that was refused on the way.
    """
    asset, kept, refused = job.asset.record(), dict[int, np.ndarray](), list[Decision]()
    for attempt in range(job.params.redraws + 1):
        places = [place for place in range(len(VIEW_WORDS)) if place not in kept]
        for place, picture in zip(places, _draw(job, asset, places, attempt) if places else ()):
            refusal = screen(picture, job.params.base.screening)
            if refusal is None:
                kept[place] = picture
            else:
                refused.append(_decision(job, place, attempt, refusal))
    if len(kept) < len(VIEW_WORDS):
        return None, [refused[-1].model_copy(update={"verdict": "dropped"})]
    opaque = [np.dstack([kept[place], np.full(kept[place].shape[:2], 255, np.uint8)]) for place in range(len(VIEW_WORDS))]
    prompts = [photographic_prompt(asset.line.caption, word) for word in VIEW_WORDS]
    return make_sample(MatchedRealRecord.of(asset, "base_model", prompts, job.base.digest), opaque), refused


def _draw(job: BaseJob, asset: AssetRecord, places: list[int], attempt: int) -> list[np.ndarray]:
    """The pictures of some view words in one batch, (S, S, 3) uint8 each, brought from the base's own size to that of the data set."""
    base, words, side = job.params.base, [VIEW_WORDS[place] for place in places], job.params.size_pixels
    streams = [np.random.default_rng(seed_from(job.seed, WORD, job.asset.key, word, attempt)) for word in words]
    prompts = [photographic_prompt(asset.line.caption, word) for word in words]
    model = _model(job.base)
    with torch.autocast(model.device.type, torch.bfloat16, enabled=base.precision == "bf16"):
        pictures = sample_pictures(model, prompts, base.steps, base.guidance, streams)
    return [picture if len(picture) == side else cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in pictures]


def _decision(job: BaseJob, place: int, attempt: int, refusal: Refusal) -> Decision:
    message = f"picture {place} ({VIEW_WORDS[place]}), try {attempt + 1} of {job.params.redraws + 1}: {refusal.message}"
    return Decision(
        item_id=job.asset.key, stage=WORD, verdict="kept", rule=refusal.rule, message=message, score=refusal.score, threshold=refusal.threshold
    )


@lru_cache(maxsize=1)
def _model(base: Weights) -> TextToImage:
    """The model on this worker's device, read once."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return load_text_to_image(Path(base.folder)).to(device).eval()
