"""What a trainable system is to the training loop: the only thing `tasks/train` knows of any model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

Batch = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """One data set a recipe reads.

    word: the stage that made it (`render`, `matched_real`).
    share: its part of every batch; the shares of a recipe sum to 1. A batch of B holds round(B * share) of them.
    members: regular expression that the whole field name of a member to decode matches (the others are never read from disk).
    stored: the data set that holds the members, where it is another one that was made of `word` sample by sample (`features`).
    """

    word: str
    share: float
    members: str
    stored: str = ""

    @property
    def data_set(self) -> str:
        """The data set whose shards are read; the order of samples is that of `word` all the same."""
        return self.stored or self.word


class StepRandom:
    """All randomness of one optimiser step, independent of how samples are spread over workers.

    `step()` is the same on every worker; `sample(k)` depends only on the place of local sample k in the global batch.
    Every call starts a fresh generator: name the purpose to get independent streams.
    Local samples are counted source by source in the order of `Recipe.sources`, as `collate` receives them.
    """

    def __init__(self, seed: int, step: int, first: int = 0, places: Sequence[int] | None = None) -> None:
        """places: global place of each local sample; without it, local sample k is at first + k."""
        self.seed, self.number, self.first, self.places = seed, step, first, places

    def step(self, purpose: str) -> np.random.Generator:
        """A generator shared by all workers in this step."""
        return np.random.default_rng([self.seed, self.number, _code(purpose)])

    def sample(self, k: int, purpose: str) -> np.random.Generator:
        """A generator for local sample k in this step."""
        place = self.first + k if self.places is None else self.places[k]
        return np.random.default_rng([self.seed, self.number, _code(purpose), place + 1])

    def normal(self, count: int, shape: tuple[int, ...], purpose: str) -> Tensor:
        """Standard normal noise (count, *shape) float32, one stream per sample, on the CPU."""
        draws = [self.sample(k, purpose).standard_normal(shape, dtype=np.float32) for k in range(count)]
        return torch.from_numpy(np.stack(draws)) if draws else torch.zeros((0, *shape))


def _code(purpose: str) -> int:
    return int.from_bytes(purpose.encode().ljust(12, b"\0"), "big")


class Recipe(Protocol):
    """A system that can be trained. Instances are cheap and picklable: name, validated config, nothing heavy."""

    name: str
    sources: tuple[Source, ...]

    def build(self, parents: dict[str, Path]) -> nn.Module:
        """Make the network on the CPU, deterministically; exactly the parameters that train have `requires_grad`.

        parents: role -> folder of an earlier run's model. Raises ValueError naming a missing role or a wrong folder.
        """
        ...

    def collate(self, samples: dict[str, list[dict[str, Any]]], rng: StepRandom) -> Batch:
        """Decoded samples of each source word (images as arrays, JSON as dicts, plus "__key__") -> tensors on the CPU.

        Runs in loader threads: it must not change the recipe or draw from anything but `rng`.
        """
        ...

    def loss(self, network: nn.Module, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean loss over the samples of the batch (scalar tensor) and named parts for the log (scalar tensors)."""
        ...

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """A sampling grid for people: (H, W, 3) uint8 sRGB."""
        ...

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write the whole model (config JSON and safetensors) so that `build` of a later recipe and the samplers can load it."""
        ...
