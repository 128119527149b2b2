"""Domain Shifters (SPEC R3, paper section 4.1): the visual domain as a low-rank bias on the tokens entering each block."""

import torch
from torch import Tensor, nn

RANK = 8


class DomainShifters(nn.Module):
    """One Domain Shifter per block: X <- X + W_left W_right e_domain, with one e per named domain.

    Letters: N blocks, M domains, D width of the tokens, R rank, B samples.
    """

    def __init__(self, blocks: int, width: int, domains: tuple[str, ...], rank: int = RANK) -> None:
        """domains: names, in the order of the indices. Raises ValueError for fewer than two, or two alike."""
        super().__init__()
        if len(domains) < 2 or len(set(domains)) != len(domains):
            raise ValueError(f"domains {domains}: name at least two, all different")
        self.domains, self.rank = tuple(domains), rank
        self.embeddings_NMD = nn.Parameter(torch.randn(blocks, len(domains), width))
        self.right_NRD = nn.Parameter(torch.randn(blocks, rank, width) / width**0.5)
        self.left_NDR = nn.Parameter(torch.zeros(blocks, width, rank))

    @property
    def blocks(self) -> int:
        """How many blocks are shifted."""
        return len(self.left_NDR)

    def index(self, domain: str) -> int:
        """The index of a domain. Raises ValueError for an unknown name."""
        if domain not in self.domains:
            raise ValueError(f"unknown domain {domain!r}: there are {', '.join(self.domains)}")
        return self.domains.index(domain)

    def select(self, names: list[str]) -> Tensor:
        """The domain of each of B samples, the same in every block: (B, N) int64. Raises ValueError for an unknown name."""
        chosen = torch.tensor([self.index(name) for name in names], device=self.left_NDR.device)
        return chosen[:, None].expand(-1, self.blocks)

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
