"""Rectified flow: the schedule of SD3 and FLUX. x_t = (1 - s) x_0 + s eps with s = t / 1000; the network is asked for dx/ds = eps - x_0.

Large pictures need more noise before their content is gone, so s is shifted: s -> m s / (1 + (m - 1) s), with m fixed (SD3) or growing with the
number of tokens (FLUX).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.diffusion.schedule import TIMESTEPS, check_steps
from models.recipe import StepRandom

PATCH = 2
"""Latent side of a token, of both families."""


@dataclass(frozen=True)
class TokenShift:
    """log m on a straight line through two numbers of tokens; the defaults are FLUX.1-dev's."""

    tokens: tuple[int, int] = (256, 4096)
    logarithms: tuple[float, float] = (0.5, 1.15)

    def at(self, tokens: int) -> float:
        """m for a picture of so many tokens."""
        share = (tokens - self.tokens[0]) / (self.tokens[1] - self.tokens[0])
        return math.exp(self.logarithms[0] + share * (self.logarithms[1] - self.logarithms[0]))


@dataclass(frozen=True)
class RectifiedFlow:
    """shift: m in training and, without `by_tokens`, in sampling."""

    shift: float = 1.0
    by_tokens: TokenShift | None = None

    @property
    def prediction(self) -> str:
        """The velocity of the flow."""
        return "flow"

    def draw_timesteps(self, samples: range, rng: StepRandom, each: int = 1) -> Tensor:
        """s the logistic of a standard normal, as SD3 and FLUX are trained and tuned, then shifted: (samples * each,) float32 in (0, 1000)."""
        drawn = np.concatenate([rng.sample(k, "timestep").standard_normal(each) for k in samples])
        return torch.from_numpy(TIMESTEPS * _shifted(1 / (1 + np.exp(-drawn)), self.shift)).float()

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t, (B, ...)."""
        share = (timesteps / TIMESTEPS).view(-1, *[1] * (clean.ndim - 1)).to(clean)
        return (1 - share) * clean + share * noise

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """eps - x_0, the same at every timestep: (B, ...)."""
        return noise - clean

    def sampling_timesteps(self, steps: int, shape: tuple[int, ...]) -> list[float]:
        """Evenly spaced from 1000 down, then shifted. Raises ValueError unless 1 <= steps <= 1000."""
        check_steps(steps)
        shift = self.shift if self.by_tokens is None else self.by_tokens.at(shape[-2] * shape[-1] // PATCH**2)
        return [float(TIMESTEPS * _shifted(s, shift)) for s in np.linspace(1, 1 / steps, steps)]

    def step(self, predicted: Tensor, timestep: float, following: float | None, noisy: Tensor) -> Tensor:
        """Euler's method."""
        return noisy + ((following or 0.0) - timestep) / TIMESTEPS * predicted


def _shifted(share: np.ndarray | float, shift: float) -> np.ndarray | float:
    return shift * share / (1 + (shift - 1) * share)
