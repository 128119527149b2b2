"""One training process among several: its rank, its device, and what it exchanges with the others."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.nn.parallel import DistributedDataParallel

from data_specs.params import Strategy


@dataclass(frozen=True)
class Worker:
    """rank of world processes (0 of 1: alone). With more than one, torch's default process group is set up already.

    strategy: with ddp each worker holds all weights, with fsdp its part of every weight, of its gradient, average and optimiser state.
    """

    rank: int
    world: int
    device: torch.device
    strategy: Strategy = "ddp"

    @property
    def sharded(self) -> bool:
        """Whether weights lie spread over the workers; then all of them must gather, save and draw together."""
        return self.strategy == "fsdp" and self.world > 1

    def shard(self, module: nn.Module, layers: Iterable[nn.Module], methods: tuple[str, ...]) -> None:
        """With fsdp leave this worker its part of every weight, in place; must come before an optimiser or average is made.

        layers: parts of the module that are gathered one at a time when they are called; the rest is gathered while the module itself, or one of
        its `methods`, runs.
        """
        if not self.sharded:
            return
        mesh = init_device_mesh(self.device.type, (self.world,))
        for part in (*layers, module):
            sharded = fully_shard(part, mesh=mesh, reshard_after_forward=True)
            sharded.set_force_sum_reduction_for_comms(self.device.type == "cpu")  # gloo cannot average
        for method in methods:
            register_fsdp_forward_method(module, method)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Average gradients over the workers. Parameters may go unused in a step (SPEC R6), as long as all is decided by `forward`."""
        if self.world == 1 or self.sharded:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=devices, find_unused_parameters=True, broadcast_buffers=False)

    def synchronised(self, wrapped: nn.Module, last: bool) -> AbstractContextManager[Any]:
        """Exchange gradients in the backward pass of the last part of a step only."""
        if isinstance(wrapped, FSDPModule):
            wrapped.set_requires_gradient_sync(last)
        return wrapped.no_sync() if isinstance(wrapped, DistributedDataParallel) and not last else nullcontext()

    def average_buffers(self, network: nn.Module) -> None:
        """Average running statistics over the workers, each of which saw its part of the batches; every worker must call it."""
        if self.world > 1:
            for buffer in network.buffers():
                if buffer.is_floating_point():
                    mean = buffer.double()  # so that a buffer that is the same everywhere stays exactly what it is
                    dist.all_reduce(mean)
                    buffer.copy_(mean / self.world)

    def gather(self, value: Any) -> list[Any]:
        """Plain data of every worker, by rank."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def from_first(self, value: Any) -> Any:
        """Plain data of worker 0."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]


def alone() -> Worker:
    """The only worker, in this process: on the first CUDA device where there is one."""
    return Worker(0, 1, torch.device("cuda:0" if torch.cuda.is_available() else "cpu"))


def to_device(value: Any, device: torch.device) -> Any:
    """Move the tensors of nested dicts, lists and tuples."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: to_device(entry, device) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(to_device(entry, device) for entry in value)
    return value
