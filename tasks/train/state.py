"""What changes while a run trains, and its network as one call per step."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from models.recipe import Batch, Recipe, StepRandom
from tasks.train.ema import Ema


class LossModule(nn.Module):
    """Makes a recipe's loss the forward pass, so that data parallelism sees one call per step."""

    def __init__(self, recipe: Recipe, shown_recipe: Recipe, network: nn.Module) -> None:
        super().__init__()
        self.recipe, self.shown_recipe, self.network = recipe, shown_recipe, network

    def forward(self, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of the batch and its named parts, the parts without gradient."""
        loss, parts = self.recipe.loss(self.network, batch, rng)
        return loss, {name: part.detach() for name, part in parts.items()}

    def picture(self, batch: Batch, rng: StepRandom) -> np.ndarray:
        """A sampling grid, (H, W, 3) uint8."""
        return self.shown_recipe.picture(self.network, batch, rng)


@dataclass
class TrainState:
    """step: optimiser steps done."""

    module: LossModule
    optimiser: Optimizer
    ema: Ema | None
    step: int = 0

    @property
    def network(self) -> nn.Module:
        """The network that trains."""
        return self.module.network
