"""Denoising diffusion: the schedule that trains all of Realiz3D (SPEC R, appendix B.2), and DDIM, which samples from it (SPEC R8).

A base predicts the noise eps (PixArt-Sigma, the paper's base) or the velocity v = sqrt(a_t) eps - sqrt(1 - a_t) x_0 (our micro base). Given x_t
the two are linear in each other, so nothing else of the method changes. A small network that predicts noise has to copy its input almost exactly
where there is much noise: at a_t = 1e-4 an error of 0.01 in eps is one of 1.0 in x_0. In v it stays 0.01.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from models.diffusion.schedule import TIMESTEPS, check_steps
from models.recipe import StepRandom

Prediction = Literal["noise", "velocity"]
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Ddpm:
    """x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps with a_t the running product of 1 - beta, t in {0..999}; by default PixArt-Sigma's linear betas."""

    prediction: Prediction = "noise"
    beta_first: float = 1e-4
    beta_last: float = 0.02
    beta_schedule: Literal["linear", "scaled_linear"] = "linear"

    def draw_timesteps(self, samples: range, rng: StepRandom, each: int = 1) -> Tensor:
        """Uniform in {0..999}: (samples * each,) int64, on the CPU."""
        drawn = [rng.sample(k, "timestep").integers(TIMESTEPS, size=each) for k in samples]
        return torch.from_numpy(np.concatenate(drawn))

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t, (B, ...)."""
        return _scheduler(self, clean.device).add_noise(clean, noise, timesteps)  # type: ignore[arg-type]

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """The noise or the velocity, (B, ...)."""
        return noise if self.prediction == "noise" else _scheduler(self, clean.device).get_velocity(clean, noise, timesteps)  # type: ignore[arg-type]

    def sampling_timesteps(self, steps: int, shape: tuple[int, ...] = ()) -> list[int]:
        """Spaced from 999 down, so that the first one sees the noise it was trained on. Raises ValueError unless 1 <= steps <= 1000."""
        check_steps(steps)
        spaced = np.arange(TIMESTEPS, 0, -TIMESTEPS / steps)[:steps]  # where 1000 / steps is rounded down, a last one is left just above 0
        return [int(t) for t in np.round(spaced) - 1]

    def step(self, predicted: Tensor, timestep: int, following: int | None, noisy: Tensor) -> Tensor:
        """DDIM with eta = 0: the same x_0 and eps with the noise of the timestep that follows."""
        kept, later = self.kept(timestep), 1.0 if following is None else self.kept(following)
        signal, deviation = kept**0.5, (1 - kept) ** 0.5
        if self.prediction == "noise":
            clean, noise = (noisy - deviation * predicted) / signal, predicted
        else:
            clean, noise = signal * noisy - deviation * predicted, signal * predicted + deviation * noisy
        return later**0.5 * clean + (1 - later) ** 0.5 * noise

    def kept(self, timestep: int) -> float:
        """a_t."""
        return float(_scheduler(self, CPU).alphas_cumprod[timestep])


@lru_cache(maxsize=8)
def _scheduler(schedule: Ddpm, device: torch.device) -> DDIMScheduler:
    """One for each device: it moves its table to its samples', and from the meta device (models/outline.py) no number comes back."""
    with CPU:
        return DDIMScheduler(
            num_train_timesteps=TIMESTEPS, beta_start=schedule.beta_first, beta_end=schedule.beta_last, beta_schedule=schedule.beta_schedule
        )
