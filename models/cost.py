"""What a computation costs, counted without doing it: networks and inputs lie on torch's meta device (`models/outline.py`)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """flops: floating point operations of matrix products, convolutions and attention, a multiply-add counts as two.
    saved_bytes: what the forward pass keeps for the backward pass, weights left out; 0 without one."""

    flops: int
    saved_bytes: int = 0


def training_cost(network: nn.Module, loss: Callable[[], Tensor]) -> Cost:
    """The cost of a loss of the network and its gradient."""
    with FlopCounterMode(display=False) as counter:
        value, saved_bytes = _saving(network, loss)
        value.backward()
    return Cost(counter.get_total_flops(), saved_bytes)


def forward_cost(network: nn.Module, loss: Callable[[], Tensor]) -> Cost:
    """The cost of a loss alone, and what its gradient would need."""
    with FlopCounterMode(display=False) as counter:
        saved_bytes = _saving(network, loss)[1]
    return Cost(counter.get_total_flops(), saved_bytes)


@torch.no_grad()
def inference_cost(compute: Callable[[], object]) -> Cost:
    """The cost of a computation without gradient."""
    with FlopCounterMode(display=False) as counter:
        compute()
    return Cost(counter.get_total_flops())


def _saving(network: nn.Module, loss: Callable[[], Tensor]) -> tuple[Tensor, int]:
    """A loss, and the bytes that are kept for its gradient: each storage once, the weights left out."""
    weights = {_storage(weight) for weight in network.parameters()}
    kept: dict[int, int] = {}
    alive = []

    def pack(value: Tensor) -> Tensor:
        if _storage(value) not in weights:
            kept[_storage(value)] = value.untyped_storage().nbytes()
            alive.append(value)  # so that no other storage takes its place in memory
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        value = loss()
    return value, sum(kept.values())


def _storage(value: Tensor) -> int:
    """Which storage a tensor is a view of; on the meta device none has an address."""
    return value.untyped_storage()._cdata
