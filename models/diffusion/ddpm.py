"""Denoising diffusion: the forward process, and the loss that trains all of Realiz3D (SPEC R, appendix B.2).

A base predicts the noise eps (PixArt-Sigma, the paper's base) or the velocity v = sqrt(a_t) eps - sqrt(1 - a_t) x_0 (our micro base). Given x_t
the two are linear in each other, so nothing else of the method changes. A small network that predicts noise has to copy its input almost exactly
where there is much noise: at a_t = 1e-4 an error of 0.01 in eps is one of 1.0 in x_0. In v it stays 0.01.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from models.recipe import StepRandom

Prediction = Literal["noise", "velocity"]
TIMESTEPS = 1000
BETA_FIRST, BETA_LAST = 1e-4, 0.02
"""The linear schedule of PixArt-Sigma: x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps with a_t the running product of 1 - beta."""


def make_scheduler(prediction: Prediction = "noise") -> DDIMScheduler:
    """The noise schedule with DDIM's update rule.

    Sampling steps are spaced from the last timestep down ("trailing"), so that the first one (999) sees the noise it was trained on.
    """
    return DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_start=BETA_FIRST,
        beta_end=BETA_LAST,
        beta_schedule="linear",
        clip_sample=False,
        prediction_type="epsilon" if prediction == "noise" else "v_prediction",
        timestep_spacing="trailing",
    )


def draw_timesteps(samples: range, rng: StepRandom, each: int = 1) -> Tensor:
    """Uniform timesteps in {0..999}, `each` per local sample: (samples * each,) int64, on the CPU."""
    drawn = [rng.sample(k, "timestep").integers(TIMESTEPS, size=each) for k in samples]
    return torch.from_numpy(np.concatenate(drawn))


def draw_noise(samples: range, shape: tuple[int, ...], rng: StepRandom) -> Tensor:
    """Standard normal noise of local samples: (samples, *shape) float32, on the CPU."""
    return torch.from_numpy(np.stack([rng.sample(k, "noise").standard_normal(shape, dtype=np.float32) for k in samples]))


def diffusion_loss(
    predict: Callable[[Tensor, Tensor], Tensor], clean: Tensor, noise: Tensor, timesteps: Tensor, prediction: Prediction = "noise"
) -> Tensor:
    """Mean squared error of the prediction, one value per sample: (B,) float32.

    predict: (noisy (B, ...), timesteps (B,)) -> noise or velocity. clean, noise: (B, ...), latents and standard normal. timesteps: (B,) int64.
    """
    scheduler = make_scheduler(prediction)
    target = noise if prediction == "noise" else scheduler.get_velocity(clean, noise, timesteps)  # type: ignore[arg-type]
    noisy = scheduler.add_noise(clean, noise, timesteps)  # type: ignore[arg-type]
    return (predict(noisy, timesteps).float() - target.float()).square().flatten(1).mean(1)
