"""How different two pictures look to a network: the formula of LPIPS without learned weights of channels (Zhang et al. 2018, equation 1, w = 1)."""

from typing import Protocol

import numpy as np

from data_specs.align_params import AppearanceParams
from models.metrics.embedder import LayerEmbedder, open_embedder

SMALLEST_NORM = 1e-10


class PerceptualDistance(Protocol):
    """How different pictures look. name: under which the number is published, and the rule that it belongs to."""

    @property
    def name(self) -> str:
        """`lpips`, or what it is where it is not that."""
        ...

    def __call__(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """The distance of each pair of pictures (N, H, W, 3) uint8 sRGB, (N,)."""
        ...


class MicroDistance:
    """`PerceptualDistance` in the layers of an embedder: `micro_distance`, never LPIPS."""

    name = "micro_distance"

    def __init__(self, embedder: LayerEmbedder) -> None:
        self._embedder = embedder

    def __call__(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 twice -> (N,) float64."""
        return perceptual_distance(self._embedder.layers(ours), self._embedder.layers(theirs))


def open_perceptual_distance(params: AppearanceParams) -> PerceptualDistance:
    """The distance that the parameters choose. Raises ValueError saying what is missing."""
    if params.kind == "micro":
        return MicroDistance(open_embedder("micro"))
    from models.metrics.lpips_distance import LpipsDistance

    return LpipsDistance.open(params.weights, params.sha256, "align.appearance.weights")


def perceptual_distance(ours: list[np.ndarray], theirs: list[np.ndarray]) -> np.ndarray:
    """Distance of each of N pairs of pictures from their feature maps, (N,) float64, 0 for equal pictures.

    ours, theirs: (N, C_k, H_k, W_k) float of each layer k. Every pixel's feature vector is scaled to unit length; squared differences are summed
    over channels, averaged over pixels and summed over layers. Raises ValueError for layers of unlike shapes.
    """
    shapes = [layer.shape for layer in ours], [layer.shape for layer in theirs]
    if shapes[0] != shapes[1] or not ours:
        raise ValueError(f"feature maps of shapes {shapes[0]} and {shapes[1]} cannot be compared")
    return np.sum([((_unit(a) - _unit(b)) ** 2).sum(axis=1).mean(axis=(1, 2)) for a, b in zip(ours, theirs)], axis=0)


def _unit(layer: np.ndarray) -> np.ndarray:
    layer = layer.astype(np.float64)
    return layer / (np.sqrt((layer**2).sum(axis=1, keepdims=True)) + SMALLEST_NORM)
