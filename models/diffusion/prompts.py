"""Captions to the tokens that cross-attention reads: the micro encoder without weights, and what a T5 encoder has to offer.

An encoder has `channels` (width of a token) and is called with B texts for `Prompts`; the null prompt is the empty text.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from models.recipe import StepRandom

CONTEXT = 0.5
"""Weight of the word before: cross-attention alone could not tell "red cup, blue handle" from "blue cup, red handle"."""


@dataclass(frozen=True)
class Prompts:
    """Encoded texts.

    tokens: (B, L, C) float32. mask: (B, L) bool, True where a token counts; every text has at least one.
    """

    tokens: Tensor
    mask: Tensor

    def joined(self, other: "Prompts") -> "Prompts":
        """These prompts, then the others."""
        return Prompts(torch.cat([self.tokens, other.tokens]), torch.cat([self.mask, other.mask]))

    def to(self, device: torch.device) -> "Prompts":
        """The same on a device."""
        return Prompts(self.tokens.to(device), self.mask.to(device))


class HashedWords:
    """Every word is a fixed pseudo-random unit-variance vector, seeded by its hash, plus a share of the word before it. No weights."""

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
