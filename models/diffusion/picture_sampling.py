"""Single pictures from a text-to-image base by DDIM with guidance on the text."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.diffusion.guidance import guide
from models.diffusion.pictures import to_uint8
from models.diffusion.sampler import ddim_sample
from models.diffusion.text_to_image import TextToImage

PHRASE = "highly photorealistic and detailed"
BACKGROUND = "white background"


def photographic_prompt(caption: str, view_word: str = "") -> str:
    """What a base is asked for when its pictures shall stand for the photographic domain (SPEC R10)."""
    return ", ".join([caption, *([f"{view_word} view"] if view_word else []), PHRASE, BACKGROUND])


@torch.no_grad()
def sample_pictures(base: TextToImage, prompts: list[str], steps: int, guidance: float, streams: Sequence[np.random.Generator]) -> np.ndarray:
    """One picture for each of N prompts, (N, H, W, 3) uint8, of the size that the base was trained on.

    steps: of DDIM. guidance: scale. streams: a generator of noise for each picture, which then does not depend on its company.
    Raises ValueError when prompts and streams differ in number.
    """
    if len(prompts) != len(streams):
        raise ValueError(f"{len(prompts)} prompts for {len(streams)} streams of noise")
    side = base.backbone.side
    shape = (base.backbone.channels, side, side)
    noise = torch.from_numpy(np.stack([stream.standard_normal(shape, dtype=np.float32) for stream in streams])).to(base.device)
    texts, null = base.read(prompts), base.read([""] * len(prompts))

    def predict(noisy: Tensor, t: int) -> Tensor:
        return guide(lambda x, text: base.backbone(x, torch.full((len(x),), t, device=x.device), text), noisy, texts, null, guidance)

    return to_uint8(base.decode(ddim_sample(predict, noise, steps, base.schedule)))
