"""The noise schedule of a base: how pictures become noise, what its network is asked for, and the way back.

Timesteps run in [0, 1000], large where there is much noise: that is all Realiz3D needs to know of a schedule. `Ddpm` (models/diffusion/ddpm.py)
is that of PixArt and of our micro base, `RectifiedFlow` (models/diffusion/flow_matching.py) that of SD3 and FLUX.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from models.recipe import StepRandom

TIMESTEPS = 1000


class NoiseSchedule(Protocol):
    """Letters: B samples of shape `...`; `timesteps` is (B,)."""

    @property
    def prediction(self) -> str:
        """What the network is asked for: noise, velocity, or the velocity of a rectified flow."""
        ...

    def draw_timesteps(self, samples: range, rng: StepRandom, each: int = 1) -> Tensor:
        """Timesteps to train at, `each` per local sample: (samples * each,), on the CPU."""
        ...

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t of clean latents and standard normal noise, (B, ...)."""
        ...

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network should say of x_t: (B, ...)."""
        ...

    def sampling_timesteps(self, steps: int, shape: tuple[int, ...]) -> list[Any]:
        """The timesteps that a sampler visits for latents of a shape (..., H, W), from noise down. Raises ValueError unless 1 <= steps <= 1000."""
        ...

    def step(self, predicted: Tensor, timestep: Any, following: Any, noisy: Tensor) -> Tensor:
        """x at the timestep that follows (None: x_0, the end) from x at `timestep` and what the network said of it; deterministic."""
        ...


def draw_noise(samples: range, shape: tuple[int, ...], rng: StepRandom) -> Tensor:
    """Standard normal noise of local samples: (samples, *shape) float32, on the CPU."""
    return torch.from_numpy(np.stack([rng.sample(k, "noise").standard_normal(shape, dtype=np.float32) for k in samples]))


def diffusion_loss(predict: Callable[[Tensor, Tensor], Tensor], clean: Tensor, noise: Tensor, timesteps: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Mean squared error of the prediction, one value per sample: (B,) float32.

    predict: (noisy (B, ...), timesteps (B,)) -> what the schedule asks for. clean, noise: (B, ...), latents and standard normal. timesteps: (B,).
    """
    noisy = schedule.add_noise(clean, noise, timesteps)
    return (predict(noisy, timesteps).float() - schedule.target(clean, noise, timesteps).float()).square().flatten(1).mean(1)


def check_steps(steps: int) -> None:
    """Raises ValueError unless 1 <= steps <= 1000."""
    if not 1 <= steps <= TIMESTEPS:
        raise ValueError(f"{steps} sampling steps: choose 1 to {TIMESTEPS}")
