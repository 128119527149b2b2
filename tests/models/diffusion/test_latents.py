"""Normalised latents of a VAE."""

import pytest
import torch

from models.diffusion.latents import decode, encode, factor
from tests.models.realiz3d.fabricated import small_base

VAE = small_base().vae.build().eval()


def test_channel_statistics_normalise_and_decode_undoes_it() -> None:
    pixels = torch.rand(3, 3, 16, 16) * 2 - 1
    raw = VAE.encode(pixels).latent_dist.mode()
    VAE.register_to_config(latents_mean=[0.1, 0.2, 0.3, 0.4], latents_std=[1.0, 2.0, 4.0, 8.0])
    latents = encode(VAE, pixels)
    expected = (raw - torch.tensor([0.1, 0.2, 0.3, 0.4]).view(4, 1, 1)) / torch.tensor([1.0, 2.0, 4.0, 8.0]).view(4, 1, 1)
    torch.testing.assert_close(latents, expected)
    torch.testing.assert_close(decode(VAE, latents), VAE.decode(raw).sample)
    VAE.register_to_config(latents_mean=None, latents_std=None)


def test_scalar_factors_of_published_vaes() -> None:
    pixels = torch.rand(1, 3, 16, 16)
    VAE.register_to_config(scaling_factor=0.13025, shift_factor=0.5)
    torch.testing.assert_close(encode(VAE, pixels), (VAE.encode(pixels).latent_dist.mode() - 0.5) * 0.13025)
    VAE.register_to_config(scaling_factor=1.0, shift_factor=None)


def test_no_gradient_and_clear_sizes() -> None:
    latents = encode(VAE, torch.rand(1, 3, 16, 16))
    assert factor(VAE) == 2 and latents.shape == (1, 4, 8, 8) and not latents.requires_grad
    with pytest.raises(ValueError, match="multiples of 2"):
        encode(VAE, torch.rand(1, 3, 16, 17))
