"""The shapes of the micro networks, with defaults for 64-pixel views on two CPU cores."""

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
from pydantic import Field
from torch import nn

from data_specs.strict import Strict
from models.diffusion.ddpm import Ddpm, Prediction
from models.diffusion.prompts import LONGEST, WIDEST, HashedWords
from models.diffusion.text_to_image import TextToImage

LOG_VARIANCE = -6.0
"""Of the posterior at the start of training."""


class VaeShape(Strict):
    """diffusers' AutoencoderKL; it shrinks a picture by 2 for every level after the first."""

    channels: tuple[int, ...] = Field((16, 32, 64), min_length=1, description="width of each level, from pixels to latents")
    latent_channels: int = Field(4, gt=0)
    layers: int = Field(1, gt=0, description="residual blocks per level")
    groups: int = Field(8, gt=0, description="groups of the group norms; divides every width")

    def build(self) -> AutoencoderKL:
        """A VAE with random weights. Raises ValueError when the groups do not divide a width."""
        if any(width % self.groups for width in self.channels):
            raise ValueError(f"groups {self.groups} must divide every width of {self.channels}")
        levels = len(self.channels)
        vae = AutoencoderKL(
            block_out_channels=self.channels,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            latent_channels=self.latent_channels,
            layers_per_block=self.layers,
            norm_num_groups=self.groups,
            mid_block_add_attention=False,
            scaling_factor=1.0,
        )
        _start_simple(vae)
        return vae


class TransformerShape(Strict):
    """diffusers' PixArtTransformer2DModel, without learned variance."""

    blocks: int = Field(8, gt=0)
    heads: int = Field(2, gt=0)
    head_width: int = Field(64, gt=0)
    patch: int = Field(2, gt=0)
    latent_side: int = Field(16, gt=0, description="latent side of the pictures it is trained on; fixes the scale of positions")
    text_channels: int = Field(64, gt=0, le=WIDEST)
    prediction: Prediction = Field("velocity", description="what it predicts: noise, as PixArt-Sigma, or velocity (models/diffusion/ddpm.py)")
    text_length: int = Field(24, gt=0, le=LONGEST, description="words of a caption that count")

    def build(self, latent_channels: int) -> PixArtTransformer2DModel:
        """A transformer with random weights. Raises ValueError when its width cannot hold the position embedding."""
        width = self.heads * self.head_width
        if width % 4:
            raise ValueError(f"width {width} (heads x head_width) must be a multiple of 4")
        return PixArtTransformer2DModel(
            num_attention_heads=self.heads,
            attention_head_dim=self.head_width,
            in_channels=latent_channels,
            out_channels=latent_channels,
            num_layers=self.blocks,
            cross_attention_dim=width,
            attention_bias=True,
            sample_size=self.latent_side,
            patch_size=self.patch,
            interpolation_scale=1,
            use_additional_conditions=False,
            caption_channels=self.text_channels,
        )

    def with_vae(self, vae: AutoencoderKL) -> TextToImage:
        """A text-to-image model with a random transformer on the latents of this VAE."""
        transformer = self.build(vae.config.latent_channels)  # type: ignore[attr-defined]
        return TextToImage(vae, HashedWords(self.text_channels, self.text_length), transformer, Ddpm(self.prediction))


@torch.no_grad()
def _start_simple(vae: AutoencoderKL) -> None:
    """Start from a plain linear map with little noise: orthogonal convolutions, residual branches that add nothing, a narrow posterior.

    From the default start a VAE needs several times as many steps before it sees colour.
    """
    for module in vae.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.orthogonal_(module.weight)
            module.bias.zero_()  # type: ignore[union-attr]  # diffusers gives all of them one
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            nn.init.zeros_(module.conv2.weight)
    channels = vae.config.latent_channels  # type: ignore[attr-defined]
    moments: Any = vae.quant_conv
    moments.weight[channels:] *= 0.1
    moments.bias[channels:] = LOG_VARIANCE


class BaseShape(Strict):
    """A whole text-to-image model with random weights: for tests of the chain, not for pictures."""

    vae: VaeShape = VaeShape.model_validate({})
    transformer: TransformerShape = TransformerShape.model_validate({})

    def build(self) -> TextToImage:
        """The model; raises ValueError when widths do not fit."""
        return self.transformer.with_vae(self.vae.build())
