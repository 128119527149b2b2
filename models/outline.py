"""Networks without weights, for counting what they cost: on torch's meta device, made from the configs of their folders alone.

Inside `with torch.device("meta")` whatever reads or writes a model folder reads and writes its configs, and no weights need to be there.
"""

from typing import Any

import torch
from transformers import BatchEncoding


def outlining() -> bool:
    """Whether networks are made without weights at the moment."""
    return torch.get_default_device().type == "meta"


class BlankTokenizer:
    """Stands for the tokenizer of a text encoder without weights: every text has the longest length."""

    def __call__(self, texts: list[str], max_length: int, **_: Any) -> BatchEncoding:
        """Ids and mask of B texts, (B, max_length) int64 each."""
        ids = torch.zeros(len(texts), max_length, dtype=torch.int64)
        return BatchEncoding({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
