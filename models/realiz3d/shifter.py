"""Domain Shifters (SPEC R3, paper section 4.1): the visual domain as a low-rank bias on the tokens entering each block."""

import torch
from torch import Tensor, nn

from models.realiz3d.domains import Domains

RANK = 8
HIGHEST_RANK = 1024
"""Of shifters and adapters: more would be no saving at the widths of today's bases."""


class DomainShifters(Domains):
    """One Domain Shifter per block: X <- X + W_left W_right e_domain, with one e per named domain.

    Letters: N blocks, M domains, D width of the tokens, R rank, B samples.
    """

    def __init__(self, blocks: int, width: int, domains: tuple[str, ...], rank: int = RANK) -> None:
        """As `Domains`; every W_left starts at zero."""
        super().__init__(blocks, domains)
        self.rank = rank
        self.embeddings_NMD = nn.Parameter(torch.randn(blocks, len(domains), width))
        self.right_NRD = nn.Parameter(torch.randn(blocks, rank, width) / width**0.5)
        self.left_NDR = nn.Parameter(torch.zeros(blocks, width, rank))

    def shifts(self) -> Tensor:
        """W_left W_right e of every block and domain: (N, M, D)."""
        return torch.einsum("ndr,nrk,nmk->nmd", self.left_NDR, self.right_NRD, self.embeddings_NMD)

    def forward(self, domains_BN: Tensor) -> Tensor:
        """What to add to all tokens of each sample before each block: (B, N) domain indices -> (N, B, 1, D)."""
        rows = torch.arange(self.blocks, device=domains_BN.device)[:, None]
        return self.shifts()[rows, domains_BN.T][:, :, None]


def reassign(domains_BN: Tensor, domain: int, blocks: int) -> Tensor:
    """The same selection with the first `blocks` blocks set to another domain (SPEC R7, R8)."""
    changed = domains_BN.clone()
    changed[:, :blocks] = domain
    return changed
