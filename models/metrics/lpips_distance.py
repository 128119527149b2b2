"""LPIPS (Zhang et al. 2018) by its own package: AlexNet's features, and the learned weights of channels that the package brings along."""

from typing import Any

import numpy as np
import torch

from data_specs.align_params import AppearanceParams
from models.diffusion.pictures import to_levels, to_pixels
from models.perception.weights import MissingWeights, checked_file, load_tensors, needs_package

BACKBONE = "alexnet-owt-7be5be79.pth"
WANTED = f"{BACKBONE} (244 MB, BSD-3-Clause; its sha256 begins with 7be5be79) from https://download.pytorch.org/models/{BACKBONE}"


class LpipsDistance:
    """`PerceptualDistance` by a loaded network. network: an `lpips.LPIPS` in eval mode."""

    name = "lpips"

    def __init__(self, network: Any) -> None:
        self._network = network

    @staticmethod
    def open(params: AppearanceParams) -> "LpipsDistance":
        """Load the network. Raises MissingWeights, or ValueError for a file that is no AlexNet."""
        file = checked_file(params.weights, params.sha256, WANTED, "align.appearance.weights")
        network = lpips_network()
        try:
            fill_backbone(network, load_tensors(file))
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{file} does not hold AlexNet's convolutions: {error}") from None
        return LpipsDistance(network)

    @torch.no_grad()
    def __call__(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 twice, at least 64 pixels a side -> (N,) float64."""
        pairs = (to_pixels(to_levels(list(pictures))) for pictures in (ours, theirs))
        return self._network(*pairs).reshape(-1).double().numpy()


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
