"""Tensors that may lie spread over the workers (FSDP): whole again for a checkpoint, and back into their parts."""

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor


def whole(value: Tensor) -> Tensor:
    """The whole of a tensor; where it is spread, every worker must ask for it together."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def own_part(value: Tensor) -> Tensor:
    """What this worker holds of a tensor, sharing its memory."""
    return value.to_local() if isinstance(value, DTensor) else value


def spread_as(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor that every worker has, spread as another of the same shape; as it is where that one is whole."""
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


@torch.no_grad()
def fill(target: Tensor, value: Tensor) -> None:
    """Overwrite a tensor, spread or not, by a whole one in place."""
    own_part(target).copy_(own_part(spread_as(value, target)))
