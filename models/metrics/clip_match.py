"""CLIP (Radford et al. 2021) by transformers: pictures and texts in one space."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

AT_ONCE = 32
"""Pictures that go through the network at once."""


class ClipMatch:
    """Pictures and texts to unit vectors. network: a `CLIPModel` in eval mode; tokenizer, processor: those that belong to it."""

    def __init__(self, network: Any, tokenizer: Any, processor: Any) -> None:
        self._network, self._tokenizer, self._processor = network, tokenizer, processor

    @staticmethod
    def open(folder: Path, device: str = "cpu") -> "ClipMatch":
        """Load a folder as transformers saves it; safetensors only, nothing is downloaded. Raises ValueError naming the folder that is no CLIP."""
        from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

        import models.torchvision_ops  # noqa: F401  (the package may import torchvision)

        try:
            network = CLIPModel.from_pretrained(folder, use_safetensors=True, local_files_only=True)
            tokenizer = CLIPTokenizerFast.from_pretrained(folder, local_files_only=True)
            processor = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ValueError(f"{folder} does not hold a CLIP model with its tokenizer: {str(error).strip().splitlines()[0]}") from None
        return ClipMatch(network.to(device).eval(), tokenizer, processor)

    @torch.no_grad()
    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 sRGB -> (N, D) float32, scaled and cropped as the model's own pre-processing does."""
        return np.concatenate([self._look(list(pictures[start : start + AT_ONCE])) for start in range(0, len(pictures), AT_ONCE)])

    @torch.no_grad()
    def texts(self, texts: list[str]) -> np.ndarray:
        """(N, D) float32; of a text that is too long the beginning counts."""
        length = self._network.config.text_config.max_position_embeddings
        tokens = self._tokenizer(texts, padding=True, truncation=True, max_length=length, return_tensors="pt").to(self._network.device)
        return F.normalize(self._network.get_text_features(**tokens), dim=-1).cpu().numpy()

    def _look(self, pictures: list[np.ndarray]) -> np.ndarray:
        pixels = self._processor(images=pictures, return_tensors="pt", input_data_format="channels_last")["pixel_values"]
        return F.normalize(self._network.get_image_features(pixel_values=pixels.to(self._network.device)), dim=-1).cpu().numpy()
