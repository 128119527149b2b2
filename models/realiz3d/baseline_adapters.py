"""Adapters of the baselines (SPEC R11): LoRA in all attention layers, or a linear adapter before each block.

Both start at zero. Light tuning keeps them; Domain Adapter (AnimateDiff) and Spatial Adapter (Still-Moving) fit them to the synthetic domain,
freeze them while the model trains, and take them out at inference.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from data_specs.strict import Strict
from models.realiz3d.shifter import HIGHEST_RANK


class AdapterConfig(Strict):
    """Which adapter a model has."""

    kind: Literal["lora", "linear"] = Field("lora", description="lora: in all attention layers; linear: before each block")
    rank: int = Field(32, gt=0, le=HIGHEST_RANK, description="32 or 128 in the paper")
    removed: bool = Field(False, description="taken out at inference (Domain Adapter, Spatial Adapter)")


class LinearAdapters(nn.Module):
    """One linear adapter before each block: X <- X + W_left W_right X, token by token.

    Letters: N blocks, D width of the tokens, R rank, B samples, L tokens.
    """

    def __init__(self, blocks: int, width: int, rank: int) -> None:
        """Every W_left starts at zero."""
        super().__init__()
        self.right_NRD = nn.Parameter(torch.randn(blocks, rank, width) / width**0.5)
        self.left_NDR = nn.Parameter(torch.zeros(blocks, width, rank))

    def forward(self, block: int, tokens_BLD: Tensor) -> Tensor:
        """The tokens that enter a block, adapted: (B, L, D)."""
        return tokens_BLD + tokens_BLD @ self.right_NRD[block].T @ self.left_NDR[block].T
