"""Deterministic sampling: DDIM (SPEC R8), which for a rectified flow is Euler's method."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from models.diffusion.schedule import TIMESTEPS, NoiseSchedule


@torch.no_grad()
def ddim_sample(predict: Callable[[Tensor, Any], Tensor], noise: Tensor, steps: int, schedule: NoiseSchedule, start: float = TIMESTEPS + 1) -> Tensor:
    """Denoise; nothing is drawn on the way.

    predict: (x_t (B, ..., H, W), t) -> what the schedule asks for. noise: (B, ..., H, W) standard normal. Returns x_0, same shape.
    start: only timesteps below it are visited; `noise` is then x_t of the first of them.
    """
    timesteps = [t for t in schedule.sampling_timesteps(steps, tuple(noise.shape)) if t < start]
    latents = noise
    for t, following in zip(timesteps, [*timesteps[1:], None]):
        latents = schedule.step(predict(latents, t), t, following, latents)
    return latents
