"""Captions to the tokens that attention reads: what an encoder offers, and the micro encoder without weights.

The encoders of full-size bases are in `models/diffusion/text_encoders.py`.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from models.recipe import StepRandom

LONGEST, WIDEST = 1024, 4096
"""Tokens of a text and channels of a token that `HashedWords` may have: the widest T5 has as many."""

CONTEXT = 0.5
"""Weight of the word before: cross-attention alone could not tell "red cup, blue handle" from "blue cup, red handle"."""


@dataclass(frozen=True)
class Prompts:
    """Encoded texts.

    tokens: (B, L, C) float32. mask: (B, L) bool, True where a token counts; every text has at least one.
    pooled: (B, P) float32, one vector for the whole text, where the base reads one.
    """

    tokens: Tensor
    mask: Tensor
    pooled: Tensor | None = None

    def joined(self, other: "Prompts") -> "Prompts":
        """These prompts, then the others."""
        assert (self.pooled is None) == (other.pooled is None)
        pooled = None if self.pooled is None or other.pooled is None else torch.cat([self.pooled, other.pooled])
        return Prompts(torch.cat([self.tokens, other.tokens]), torch.cat([self.mask, other.mask]), pooled)

    def to(self, device: torch.device) -> "Prompts":
        """The same on a device."""
        return Prompts(self.tokens.to(device), self.mask.to(device), None if self.pooled is None else self.pooled.to(device))


class PromptEncoder(Protocol):
    """Texts to prompts; the null prompt is the empty text."""

    @property
    def channels(self) -> int:
        """Width of a token."""
        ...

    @property
    def pooled_channels(self) -> int:
        """Width of the pooled vector; 0 = none."""
        ...

    def __call__(self, texts: list[str]) -> Prompts:
        """Encode B texts; longer ones are cut."""
        ...


class HashedWords:
    """Every word is a fixed pseudo-random unit-variance vector, seeded by its hash, plus a share of the word before it. No weights."""

    pooled_channels = 0

    def __init__(self, channels: int, length: int) -> None:
        """length: tokens per text; later words are cut off."""
        self.channels, self.length = channels, length

    def __call__(self, texts: list[str]) -> Prompts:
        """Encode B texts; upper case and punctuation do not matter."""
        tokens = torch.zeros(len(texts), self.length, self.channels)
        mask = torch.zeros(len(texts), self.length, dtype=torch.bool)
        for row, text in enumerate(texts):
            words = re.findall(r"[^\W_]+", text.lower())[: self.length] or [""]
            for column, (before, word) in enumerate(zip(["", *words], words)):
                tokens[row, column] = torch.from_numpy(_vector(word, before, self.channels))
                mask[row, column] = True
        return Prompts(tokens, mask)


@lru_cache(maxsize=8192)
def _vector(word: str, before: str, channels: int) -> np.ndarray:
    mixed = _normal(word, channels) + (CONTEXT * _normal(f"{before} ", channels) if before else 0.0)
    return (mixed / np.sqrt(1.0 + CONTEXT**2 * bool(before))).astype(np.float32)


def _normal(text: str, channels: int) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(channels)


def drop_texts(captions: list[str], share: float, samples: range, rng: StepRandom) -> list[str]:
    """Replace captions by the null prompt with probability `share`, drawn per local sample (training for classifier-free guidance)."""
    return ["" if rng.sample(k, "text").random() < share else caption for k, caption in zip(samples, captions)]
