"""VAE latents, brought to zero mean and unit variance as diffusion expects them."""

import hashlib
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from data_specs.ids import canonical_json

ENCODE_BATCH = 64
"""Pictures that go through the VAE at once."""


def encode(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """The mean of the posterior, normalised; without gradient.

    pixels: (B, 3, H, W) in [-1, 1]. Returns (B, C, H / f, W / f).
    Raises ValueError when a side is not a multiple of the VAE's factor f.
    """
    if pixels.shape[-1] % factor(vae) or pixels.shape[-2] % factor(vae):
        raise ValueError(f"pictures of {pixels.shape[-1]} x {pixels.shape[-2]} pixels: both sides must be multiples of {factor(vae)}")
    with torch.no_grad():
        means = torch.cat([vae.encode(part).latent_dist.mode() for part in pixels.split(ENCODE_BATCH)])  # type: ignore[union-attr]
    mean, std = _statistics(vae, means)
    return (means - mean) / std


def decode(vae: AutoencoderKL, latents: Tensor) -> Tensor:
    """Invert `encode` up to what the VAE loses; without gradient: (B, C, h, w) -> (B, 3, f h, f w), about [-1, 1]."""
    mean, std = _statistics(vae, latents)
    with torch.no_grad():
        return torch.cat([vae.decode(part).sample for part in (latents * std + mean).split(ENCODE_BATCH)])  # type: ignore[union-attr]


def factor(vae: AutoencoderKL) -> int:
    """Pixels per latent along a side."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))  # type: ignore[attr-defined]


def encoder_id(vae: AutoencoderKL) -> str:
    """Which VAE made latents: a hash of its weights and of what normalises its latents, 16 hex digits; the same from whatever folder it came."""
    if vae.device.type == "meta":
        return "outline"
    config: Any = vae.config
    statistics = [config.latents_mean, config.latents_std, config.shift_factor, config.scaling_factor]
    digest = hashlib.sha256(canonical_json(statistics).encode())
    for name, weight in sorted(vae.named_parameters()):
        digest.update(name.encode())
        digest.update(weight.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _statistics(vae: AutoencoderKL, like: Tensor) -> tuple[Tensor, Tensor]:
    """Per channel where the VAE's config has `latents_mean` and `latents_std` (ours), else its scalar shift and scaling factor."""
    config = vae.config
    if config.latents_mean is not None and config.latents_std is not None:  # type: ignore[attr-defined]
        mean, std = config.latents_mean, config.latents_std  # type: ignore[attr-defined]
    else:
        mean, std = [config.shift_factor or 0.0], [1.0 / config.scaling_factor]  # type: ignore[attr-defined]
    return like.new_tensor(mean).view(1, -1, 1, 1), like.new_tensor(std).view(1, -1, 1, 1)
