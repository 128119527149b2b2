"""The networks of the papers' metrics in one: Inception for sets of pictures, AlexNet for pairs of them, CLIP for pictures and texts."""

from pathlib import Path

import numpy as np
import torch

from data_specs.published_embedder import PublishedEmbedderParams
from models.metrics.clip_match import ClipMatch
from models.metrics.inception import InceptionFeatures
from models.metrics.lpips_distance import LpipsDistance

SECTION = "evaluate.published"


class PublishedEmbedder:
    """`TextPictureEmbedder` and `PairEmbedder`; distances of its features are FID and KID, of its pairs LPIPS."""

    def __init__(self, inception: InceptionFeatures, lpips: LpipsDistance, clip: ClipMatch) -> None:
        self._inception, self._lpips, self._clip = inception, lpips, clip

    @staticmethod
    def open(params: PublishedEmbedderParams, clip: Path) -> "PublishedEmbedder":
        """Load all three, on a GPU where there is one. clip: folder of the model that `params.clip` names. Raises ValueError for what is missing."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        inception = InceptionFeatures.open(params.inception.weights, params.inception.sha256, f"{SECTION}.inception.weights", device)
        lpips = LpipsDistance.open(params.alexnet.weights, params.alexnet.sha256, f"{SECTION}.alexnet.weights", device)
        return PublishedEmbedder(inception, lpips, ClipMatch.open(clip, device))

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 -> (N, 2048) float32 of Inception."""
        return self._inception(pictures)

    def pair_distance(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 twice, at least 64 pixels a side -> LPIPS (N,) float64."""
        return self._lpips(ours, theirs)

    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 -> unit vectors (N, D) float32 of CLIP."""
        return self._clip.pictures(pictures)

    def texts(self, texts: list[str]) -> np.ndarray:
        """Unit vectors (N, D) float32 of CLIP."""
        return self._clip.texts(texts)
