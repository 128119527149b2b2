"""Features of Inception-v3 as FID and KID use them (Heusel et al. 2017): TensorFlow's network and way to resize, by the package torch-fidelity."""

import io
import pickle
from typing import Any

import numpy as np
import torch

from models.perception.weights import MissingWeights, checked_file, load_tensors, needs_package

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
LAYER = "2048"
"""The last pooling, by the package's name."""

AT_ONCE = 32
"""Pictures that go through the network at once."""


class InceptionFeatures:
    """Pictures to features. network: of `inception_network`, on any device."""

    def __init__(self, network: Any) -> None:
        self._network = network

    @staticmethod
    def open(path: str, sha256: str, parameter: str, device: str = "cpu") -> "InceptionFeatures":
        """Load the weights file that `parameter` names. Raises MissingWeights, or ValueError for a file that is no such network."""
        file = checked_file(path, sha256, WEIGHTS, parameter)
        try:
            return InceptionFeatures(inception_network(load_tensors(file)).to(device))
        except (RuntimeError, TypeError, pickle.UnpicklingError) as error:
            raise ValueError(f"{file} does not hold the Inception network of FID: {str(error).splitlines()[0]}") from None

    @torch.no_grad()
    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 sRGB -> (N, 2048) float32."""
        device = self._network.fc.weight.device
        parts = (pictures[start : start + AT_ONCE] for start in range(0, len(pictures), AT_ONCE))
        levels = (torch.from_numpy(np.ascontiguousarray(part)).permute(0, 3, 1, 2).to(device) for part in parts)
        return torch.cat([self._network(part)[0] for part in levels]).cpu().numpy()


def inception_network(tensors: dict[str, torch.Tensor]) -> Any:
    """The package's network with these weights, in eval mode. Raises MissingWeights without the package, RuntimeError for another network's."""
    import models.torchvision_ops  # noqa: F401  (the package imports torchvision)

    try:
        from torch_fidelity import FeatureExtractorInceptionV3
    except ImportError:
        raise MissingWeights(needs_package("torch-fidelity")) from None
    # The package unpickles whatever file it is given; what it gets here are tensors that were read without that and packed again.
    packed = io.BytesIO()
    torch.save(tensors, packed)
    packed.seek(0)
    return FeatureExtractorInceptionV3("inception-v3-compat", [LAYER], feature_extractor_weights_path=packed)
