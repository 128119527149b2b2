"""Exponential moving average of the weights that train."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tasks.train.sharding import own_part


class Ema:
    """Shadow weights e <- d e + (1 - d) w with d = min(decay, (1 + step) / (10 + step)), so that a short run is not stuck at its start."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow: dict[str, Tensor] = {name: weight.detach().clone() for name, weight in trainable(network).items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the weights after optimiser step `step` (counted from 1)."""
        keep = min(self.decay, (1 + step) / (10 + step))
        for name, weight in trainable(network).items():
            own_part(self.shadow[name]).lerp_(own_part(weight), 1.0 - keep)

    @contextmanager
    def swapped(self, network: nn.Module) -> Iterator[None]:
        """Let the network carry the averaged weights for the length of a `with` block."""
        own = {name: weight.detach().clone() for name, weight in trainable(network).items()}
        copy_weights(network, self.shadow)
        try:
            yield
        finally:
            copy_weights(network, own)


def trainable(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that train, by name, each once."""
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}


@torch.no_grad()
def copy_weights(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Overwrite trainable parameters in place; `weights` names all of them."""
    for name, weight in trainable(network).items():
        weight.copy_(weights[name])
