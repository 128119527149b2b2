"""micro_vae: a small VAE on the pictures of both domains and on the control maps, which Realiz3D encodes with the same VAE (SPEC R2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from pydantic import Field
from torch import Tensor, nn

from data_specs.ids import seed_from
from data_specs.strict import Strict
from models.diffusion.latents import decode, encode
from models.diffusion.pictures import sheet, to_pixels, to_uint8
from models.diffusion.samples import MATCHED_MEMBERS, VIEW_MEMBERS, Decoded, matched_count, pick, stack, view_tensors
from models.diffusion.text_to_image import save_vae
from models.micro.photographs import draw_photographs
from models.micro.shapes import VaeShape
from models.recipe import Batch, Source, StepRandom

PICTURE_SAMPLES = 8


class VaeConfig(Strict):
    """Settings of micro_vae."""

    shape: VaeShape = VaeShape.model_validate({})
    pictures_per_sample: int = Field(2, gt=0, le=4, description="pictures drawn of each sample in a step")
    square_weight: float = Field(2.0, ge=0, description="weight of the mean squared error: colours come early")
    edge_weight: float = Field(0.5, ge=0, description="weight of the L1 distance of picture gradients: keeps edges sharp")
    kl_weight: float = Field(1e-5, ge=0, description="weight of the KL divergence per latent from the standard normal")
    statistics_memory: float = Field(0.98, gt=0, lt=1, description="how slowly the running mean and variance of the latents follow")


class VaeNetwork(nn.Module):
    """A VAE and the running first and second moments of its latents, per channel.

    Bias of the moving averages is corrected by `weight`, the sum of their weights so far.
    """

    mean: Tensor
    square: Tensor
    weight: Tensor

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.vae = vae
        channels = vae.config.latent_channels  # type: ignore[attr-defined]
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("square", torch.zeros(channels))
        self.register_buffer("weight", torch.zeros(()))

    @torch.no_grad()
    def observe(self, latents: Tensor, memory: float) -> None:
        """Move the statistics towards those of latents (B, C, h, w)."""
        moments = latents.float().mean((0, 2, 3)), latents.float().square().mean((0, 2, 3)), torch.ones_like(self.weight)
        for average, value in zip((self.mean, self.square, self.weight), moments):
            average.lerp_(value, 1.0 - memory)

    def standardised(self) -> AutoencoderKL:
        """The VAE with mean and standard deviation of its latents in its config, where `latents.encode` reads them."""
        if self.weight.is_meta:
            return self.vae
        weight = self.weight.clamp(min=1e-8)
        mean = self.mean / weight
        variance = (self.square / weight - mean.square()).clamp(min=1e-8)
        self.vae.register_to_config(latents_mean=mean.tolist(), latents_std=variance.sqrt().tolist())
        return self.vae

    def enable_gradient_checkpointing(self) -> None:
        """Recompute the levels of the VAE in the backward pass."""
        self.vae.enable_gradient_checkpointing()


@dataclass(frozen=True)
class VaeRecipe:
    """L1 and squared error of pictures, L1 of their gradients, and a little KL."""

    config: VaeConfig
    name: ClassVar[str] = "micro_vae"
    Config: ClassVar[type[VaeConfig]] = VaeConfig
    sources: ClassVar[tuple[Source, ...]] = (Source("render", 0.5, VIEW_MEMBERS), Source("matched_real", 0.5, MATCHED_MEMBERS))

    def build(self, parents: dict[str, Path]) -> VaeNetwork:
        """A VAE with random weights, the same each time; it has no parents."""
        with seeded(self.name):
            return VaeNetwork(self.config.shape.build())

    def collate(self, samples: dict[str, list[Decoded]], rng: StepRandom) -> Batch:
        """`pixels` (B, n, 3, H, W): n pictures of each sample; of a render sample any of RGB, normal and position of its views."""
        renders, matched = samples.get("render", []), samples.get("matched_real", [])
        chosen = [self._maps(sample, rng.sample(k, "pictures")) for k, sample in enumerate(renders)]
        chosen += [self._photographs(sample, rng.sample(k, "pictures")) for k, sample in enumerate(matched, len(renders))]
        return {"pixels": stack(chosen)}

    def _maps(self, sample: Decoded, rng: np.random.Generator) -> Tensor:
        pool = torch.cat([view_tensors(sample, name) for name in ("rgb", "normal", "position")])
        return pool[pick(self.config.pictures_per_sample, len(pool), rng)]

    def _photographs(self, sample: Decoded, rng: np.random.Generator) -> Tensor:
        levels, _ = draw_photographs(sample, pick(self.config.pictures_per_sample, matched_count(sample), rng), rng)
        return to_pixels(torch.from_numpy(levels))

    def loss(self, network: nn.Module, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean over samples; also takes the statistics of the latents."""
        assert isinstance(network, VaeNetwork)
        count, each = batch["pixels"].shape[:2]
        pixels = batch["pixels"].flatten(0, 1)
        posterior: Any = network.vae.encode(pixels).latent_dist  # type: ignore[union-attr]
        network.observe(posterior.mean, self.config.statistics_memory)
        noise = rng.normal(count, (each, *posterior.mean.shape[1:]), "posterior").flatten(0, 1).to(pixels.device)
        pictures = network.vae.decode(posterior.mean + posterior.std * noise).sample  # type: ignore[union-attr]
        parts = {
            "l1": (pictures - pixels).abs().mean(),
            "square": (pictures - pixels).square().mean(),
            "edge": edge_distance(pictures, pixels),
            "kl": posterior.kl().mean() / noise[0].numel(),
        }
        config = self.config
        weighted = config.square_weight * parts["square"] + config.edge_weight * parts["edge"] + config.kl_weight * parts["kl"]
        return parts["l1"] + weighted, parts

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """Pictures above what is left of them after the VAE."""
        assert isinstance(network, VaeNetwork)
        pixels = batch["pixels"].flatten(0, 1)[:PICTURE_SAMPLES]
        vae = network.standardised()
        return sheet([to_uint8(pixels), to_uint8(decode(vae, encode(vae, pixels)))])

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write `vae/` with the statistics of the latents in its config."""
        assert isinstance(network, VaeNetwork)
        save_vae(network.standardised(), folder)


def edge_distance(first: Tensor, second: Tensor) -> Tensor:
    """L1 distance of horizontal and vertical differences of (B, 3, H, W) pictures."""
    difference = first - second
    return difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()


@contextmanager
def seeded(purpose: str) -> Iterator[None]:
    """Draw initial weights from a stream of their own; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_from("weights", purpose))
        yield
