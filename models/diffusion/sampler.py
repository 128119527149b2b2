"""Deterministic DDIM sampling (SPEC R8), on the update rule of diffusers' `DDIMScheduler`."""

from collections.abc import Callable

import torch
from torch import Tensor

from models.diffusion.ddpm import TIMESTEPS, Prediction, make_scheduler


def sampling_timesteps(steps: int) -> list[int]:
    """The timesteps that DDIM visits, from 999 down. Raises ValueError unless 1 <= steps <= 1000."""
    if not 1 <= steps <= TIMESTEPS:
        raise ValueError(f"{steps} sampling steps: choose 1 to {TIMESTEPS}")
    scheduler = make_scheduler()
    scheduler.set_timesteps(steps)
    return [int(t) for t in scheduler.timesteps]


@torch.no_grad()
def ddim_sample(
    predict: Callable[[Tensor, int], Tensor], noise: Tensor, steps: int, prediction: Prediction = "noise", start: int = TIMESTEPS
) -> Tensor:
    """Denoise by DDIM with eta = 0.

    predict: (x_t (B, ...), t) -> noise in x_t, or velocity. noise: (B, ...) standard normal. Returns x_0, same shape.
    start: only timesteps below it are visited; `noise` is then x_t of the first of them.
    """
    scheduler = make_scheduler(prediction)
    timesteps = [t for t in sampling_timesteps(steps) if t < start]
    scheduler.set_timesteps(steps)
    latents = noise
    for t in timesteps:
        latents = scheduler.step(predict(latents, t), t, latents).prev_sample  # type: ignore[union-attr, arg-type]
    return latents
