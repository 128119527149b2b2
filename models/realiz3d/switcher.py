"""Domain Switcher, a baseline (SPEC R11, after Wonder3D): a domain vector joined to the timestep embedding."""

import torch
from torch import Tensor, nn


class DomainSwitcher(nn.Module):
    """Concatenate a learned vector of the domain to the timestep embedding and project back to its width: W [time, v_domain].

    W starts as [1, 0], so that the base is unchanged at step 0; its left half stays there, as the layers behind it can learn the same.
    Letters: M domains, D width of the tokens, B samples, N blocks.
    """

    def __init__(self, width: int, domains: int) -> None:
        super().__init__()
        self.vectors_MD = nn.Parameter(torch.randn(domains, width))
        self.project = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, domains_BN: Tensor) -> Tensor:
        """What joining adds to the timestep embedding, (B, D). All blocks share it: the domain of the last one counts."""
        return self.project(self.vectors_MD[domains_BN[:, -1].to(self.vectors_MD.device)])
