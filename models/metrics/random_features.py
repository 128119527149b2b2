"""Features of pictures that need no weights: enough to tell sets of colours and textures apart, far from what Inception sees.

Distances of these features are published as `fid@micro` and `kid@micro`.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

EMBEDDER = "random-conv@micro"
SIDE_PIXELS = 64
CHANNELS = (3, 16, 32, 64, 128)
SEED = 20260513


def random_conv_features(pictures: np.ndarray) -> np.ndarray:
    """Means and standard deviations of the responses of a fixed random convolutional network.

    pictures: (N, H, W, 3) float in [0, 1], sRGB, background composited. Returns (N, 480) float64: two numbers for each channel of four
    layers (3 x 3, stride 2, He-normal weights drawn once from a fixed seed, leaky ReLU) over pictures scaled to 64 x 64.
    """
    x = torch.from_numpy(np.ascontiguousarray(pictures)).double().permute(0, 3, 1, 2)
    x = F.interpolate(x, size=(SIDE_PIXELS, SIDE_PIXELS), mode="area" if x.shape[-1] >= SIDE_PIXELS else "bilinear") * 2.0 - 1.0
    features = []
    for weight in _weights():
        x = F.leaky_relu(F.conv2d(x, weight, stride=2, padding=1), 0.2)
        features += [x.mean(dim=(2, 3)), x.std(dim=(2, 3))]
    return torch.cat(features, dim=1).numpy()


def _weights() -> list[torch.Tensor]:
    """numpy's generator, because its streams are the same in every version."""
    rng = np.random.default_rng(SEED)
    shapes = [(to, of, 3, 3) for of, to in pairwise(CHANNELS)]
    return [torch.from_numpy(rng.standard_normal(shape) * np.sqrt(2.0 / (9 * shape[1]))) for shape in shapes]
