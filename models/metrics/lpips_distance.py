"""LPIPS (Zhang et al. 2018) by its own package: AlexNet's features, and the learned weights of channels that the package brings along."""

from typing import Any

import numpy as np
import torch

from models.diffusion.pictures import to_levels, to_pixels
from models.perception.weights import MissingWeights, checked_file, load_tensors, needs_package

BACKBONE = "alexnet-owt-7be5be79.pth"


class LpipsDistance:
    """`PerceptualDistance` by a loaded network. network: an `lpips.LPIPS` in eval mode."""

    name = "lpips"

    def __init__(self, network: Any) -> None:
        self._network = network

    @staticmethod
    def open(path: str, sha256: str, parameter: str, device: str = "cpu") -> "LpipsDistance":
        """Load the weights file that `parameter` names. Raises MissingWeights, or ValueError for a file that is no AlexNet."""
        file = checked_file(path, sha256, BACKBONE, parameter)
        network = lpips_network()
        try:
            fill_backbone(network, load_tensors(file))
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{file} does not hold AlexNet's convolutions: {error}") from None
        return LpipsDistance(network.to(device))

    @torch.no_grad()
    def __call__(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 twice, at least 64 pixels a side -> (N,) float64."""
        device = next(self._network.parameters()).device
        pairs = (to_pixels(to_levels(list(pictures)).to(device)) for pictures in (ours, theirs))
        return self._network(*pairs).reshape(-1).double().cpu().numpy()


def lpips_network() -> Any:
    """An `lpips.LPIPS` with learned weights of channels and a backbone still to be filled. Raises MissingWeights without the package."""
    import models.torchvision_ops  # noqa: F401  (the package imports torchvision)

    try:
        from lpips import LPIPS
    except ImportError:
        raise MissingWeights(needs_package("lpips")) from None
    # pnet_rand: the package would download the backbone.
    return LPIPS(net="alex", pnet_rand=True, pnet_tune=False, verbose=False).eval()


def fill_backbone(network: Any, tensors: dict[str, torch.Tensor]) -> None:
    """Put torchvision's AlexNet (`features.0.weight`, ...) into a network. Raises KeyError or RuntimeError where names or shapes do not fit."""
    slices = network.net
    for number in range(1, slices.N_slices + 1):
        part = getattr(slices, f"slice{number}")
        part.load_state_dict({name: tensors[f"features.{name}"] for name in part.state_dict()})
