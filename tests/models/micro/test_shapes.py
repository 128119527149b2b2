"""Shapes of the micro networks."""

import pytest
import torch

from models.diffusion.latents import factor
from models.micro.shapes import BaseShape, TransformerShape, VaeShape


def test_defaults_fit_views_of_64_pixels() -> None:
    model = BaseShape().build()
    assert factor(model.vae) == 4
    assert model.backbone.transformer.config.sample_size * factor(model.vae) == 64
    assert model.backbone.channels == model.vae.config.latent_channels
    assert sum(weight.numel() for weight in model.parameters()) < 4e6


def test_the_vae_starts_with_little_noise_and_branches_that_add_nothing() -> None:
    vae = VaeShape().build()
    block = vae.encoder.down_blocks[0].resnets[0]
    features = torch.randn(1, 16, 8, 8)
    assert torch.equal(block(features, None), features)
    posterior = vae.encode(torch.rand(2, 3, 64, 64)).latent_dist
    assert posterior.std.max() < 0.1 < posterior.mean.std()


def test_groups_must_divide_widths() -> None:
    with pytest.raises(ValueError, match=r"groups 8.*\(12, 16\)"):
        VaeShape(channels=(12, 16)).build()


def test_width_must_hold_the_positions() -> None:
    with pytest.raises(ValueError, match="width 6"):
        TransformerShape(heads=1, head_width=6).build(4)
