"""The set of visual domains of a model (SPEC R3): two in the paper, more by name."""

import torch
from torch import Tensor, nn


class Domains(nn.Module):
    """The named domains of a model and how samples choose among them; by itself it changes nothing.

    Letters: N blocks, M domains, B samples.
    """

    def __init__(self, blocks: int, domains: tuple[str, ...]) -> None:
        """domains: names, in the order of the indices. Raises ValueError for fewer than two, or two alike."""
        super().__init__()
        if len(domains) < 2 or len(set(domains)) != len(domains):
            raise ValueError(f"domains {domains}: name at least two, all different")
        self.blocks, self.domains = blocks, tuple(domains)

    def index(self, domain: str) -> int:
        """The index of a domain. Raises ValueError for an unknown name."""
        if domain not in self.domains:
            raise ValueError(f"unknown domain {domain!r}: there are {', '.join(self.domains)}")
        return self.domains.index(domain)

    def select(self, names: list[str]) -> Tensor:
        """The domain of each of B samples, the same in every block: (B, N) int64. Raises ValueError for an unknown name."""
        device = next((weight.device for weight in self.parameters()), None)
        chosen = torch.tensor([self.index(name) for name in names], device=device)
        return chosen[:, None].expand(-1, self.blocks)
