"""SDEdit, the baseline without training (SPEC R11, appendix D.1): noise is added to finished views, and the base denoises each alone."""

import numpy as np
import torch
from torch import Tensor

from models.diffusion.guidance import guide
from models.diffusion.pictures import to_tensor, to_uint8
from models.diffusion.sampler import ddim_sample
from models.diffusion.text_to_image import TextToImage
from models.realiz3d.grid import VIEWS
from models.realiz3d.sampling import Randomness, SamplingSettings, streams_of

START = 500
"""The paper's noise injection timestep."""


@torch.no_grad()
def refine_views(
    base: TextToImage, views: np.ndarray, captions: list[str], settings: SamplingSettings, rng: Randomness, start: int = START
) -> np.ndarray:
    """Make views more like pictures of the base; they see neither each other nor a control.

    views: (B, 4, H, W, 3) uint8 of B objects on white. settings: `guidance`, and `steps` of the whole schedule, of which those below `start`
    are made. rng: one generator, or B. The same noise is added to all tiles of a grid. Returns the shape of `views`, uint8.
    Raises ValueError when captions and views differ in number, or no timestep lies below `start`.
    """
    if len(views) != len(captions):
        raise ValueError(f"views of {len(views)} objects for {len(captions)} captions")
    clean = base.encode(torch.stack([to_tensor(view) for view in views.reshape(-1, *views.shape[2:])]).to(base.device))
    below = [t for t in base.schedule.sampling_timesteps(settings.steps, tuple(clean.shape)) if t < start]
    if not below:
        raise ValueError(f"none of {settings.steps} sampling steps lies below timestep {start}: raise steps or start")
    noise = np.stack([stream.standard_normal(clean.shape[1:], dtype=np.float32) for stream in streams_of(rng, len(views))])
    shared = torch.from_numpy(noise).to(clean).repeat_interleave(VIEWS, dim=0)
    noisy = base.schedule.add_noise(clean, shared, torch.full((len(clean),), below[0], device=clean.device))
    texts, null = base.read([caption for caption in captions for _ in range(VIEWS)]), base.read([""] * len(clean))

    def predict(latents: Tensor, t: int) -> Tensor:
        return guide(lambda x, text: base.backbone(x, torch.full((len(x),), t, device=x.device), text), latents, texts, null, settings.guidance)

    refined = ddim_sample(predict, noisy, settings.steps, base.schedule, start)
    return to_uint8(base.decode(refined)).reshape(views.shape)
