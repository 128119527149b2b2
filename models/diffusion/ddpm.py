"""Denoising diffusion with noise prediction: the forward process, and the loss that trains all of Realiz3D (SPEC R, appendix B.2)."""

from collections.abc import Callable

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from models.recipe import StepRandom

TIMESTEPS = 1000
BETA_FIRST, BETA_LAST = 1e-4, 0.02
"""The linear schedule of PixArt-Sigma: x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps with a_t the running product of 1 - beta."""


def make_scheduler() -> DDIMScheduler:
    """The noise schedule with DDIM's update rule.

    Sampling steps are spaced from the last timestep down ("trailing"), so that the first one (999) sees the noise it was trained on.
    """
    return DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_start=BETA_FIRST,
        beta_end=BETA_LAST,
        beta_schedule="linear",
        clip_sample=False,
        prediction_type="epsilon",
        timestep_spacing="trailing",
    )


def draw_timesteps(samples: range, rng: StepRandom, each: int = 1) -> Tensor:
    """Uniform timesteps in {0..999}, `each` per local sample: (samples * each,) int64, on the CPU."""
    drawn = [rng.sample(k, "timestep").integers(TIMESTEPS, size=each) for k in samples]
    return torch.from_numpy(np.concatenate(drawn))


def draw_noise(samples: range, shape: tuple[int, ...], rng: StepRandom) -> Tensor:
    """Standard normal noise of local samples: (samples, *shape) float32, on the CPU."""
    return torch.from_numpy(np.stack([rng.sample(k, "noise").standard_normal(shape, dtype=np.float32) for k in samples]))


def noise_prediction_loss(predict: Callable[[Tensor, Tensor], Tensor], clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """Mean squared error of the predicted noise, one value per sample: (B,) float32.

    predict: (noisy (B, ...), timesteps (B,)) -> noise. clean, noise: (B, ...), latents and standard normal. timesteps: (B,) int64 in 0..999.
    """
    noisy = make_scheduler().add_noise(clean, noise, timesteps)  # type: ignore[arg-type]
    return (predict(noisy, timesteps).float() - noise.float()).square().flatten(1).mean(1)
