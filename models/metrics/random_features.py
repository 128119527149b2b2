"""Features of pictures that need no weights: enough to tell sets of colours and textures apart, far from what Inception sees.

Distances of these features are published as `fid@micro` and `kid@micro`.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

SIDE_PIXELS = 64
CHANNELS = (3, 16, 32, 64, 128)
SEED = 20260513


class RandomFeatures:
    """The embedder that needs no weights (`models.metrics.embedder.PictureEmbedder`)."""

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 -> (N, 480) float64."""
        return random_conv_features(pictures / 255.0)

    def layers(self, pictures: np.ndarray) -> list[np.ndarray]:
        """(N, H, W, 3) uint8 -> the responses of the four layers, (N, C_k, H_k, W_k) float64."""
        return [layer.numpy() for layer in _responses(pictures / 255.0)]


def random_conv_features(pictures: np.ndarray) -> np.ndarray:
    """Means and standard deviations of the responses of a fixed random convolutional network.

    pictures: (N, H, W, 3) float in [0, 1], sRGB, background composited. Returns (N, 480) float64: two numbers for each channel of four
    layers (3 x 3, stride 2, He-normal weights drawn once from a fixed seed, leaky ReLU) over pictures scaled to 64 x 64.
    """
    return torch.cat([part for x in _responses(pictures) for part in (x.mean(dim=(2, 3)), x.std(dim=(2, 3)))], dim=1).numpy()


def _responses(pictures: np.ndarray) -> list[torch.Tensor]:
    x = torch.from_numpy(np.ascontiguousarray(pictures)).double().permute(0, 3, 1, 2)
    x = F.interpolate(x, size=(SIDE_PIXELS, SIDE_PIXELS), mode="area" if x.shape[-1] >= SIDE_PIXELS else "bilinear") * 2.0 - 1.0
    responses = []
    for weight in _weights():
        x = F.leaky_relu(F.conv2d(x, weight, stride=2, padding=1), 0.2)
        responses.append(x)
    return responses


def _weights() -> list[torch.Tensor]:
    """numpy's generator, because its streams are the same in every version."""
    rng = np.random.default_rng(SEED)
    shapes = [(to, of, 3, 3) for of, to in pairwise(CHANNELS)]
    return [torch.from_numpy(rng.standard_normal(shape) * np.sqrt(2.0 / (9 * shape[1]))) for shape in shapes]
