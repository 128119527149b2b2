"""Representation Binding (SPEC R6, R7; paper section 4.2): which early blocks real samples may not train, and which they see as synthetic."""

from dataclasses import dataclass

import numpy as np

SHARE = 0.4
"""tau_B as a share of the blocks."""

PROBABILITY = 0.1
"""p_B."""


@dataclass(frozen=True)
class Binding:
    """The draws of one training step, for its real samples.

    frozen_blocks: the first blocks, and the embeddings below them, get no gradient. reassigned_blocks: the first blocks use the synthetic domain.
    """

    frozen_blocks: int
    reassigned_blocks: int


UNBOUND = Binding(0, 0)
"""Everything trains, every block keeps its domain: synthetic samples, and stage 1."""


def last_block(blocks: int, share: float) -> int:
    """The block index at a share of `blocks`, rounded down: tau_B or B_max. Raises ValueError unless 0 <= share <= 1."""
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share {share} of the blocks must lie in [0, 1]")
    return min(int(share * blocks + 1e-9), blocks - 1)


def draw_binding(blocks: int, share: float, probability: float, rng: np.random.Generator) -> Binding:
    """Draw i, j from {0..tau_B}: blocks 0..i are frozen (R6); with `probability`, blocks 0..j are reassigned (R7).

    The three draws are always made, so that switching one rule off leaves the other's draws as they are.
    """
    i, j = rng.integers(0, last_block(blocks, share) + 1, size=2)
    return Binding(int(i) + 1, int(j) + 1 if rng.random() < probability else 0)
