"""micro_base: a small text-to-image transformer on single pictures of the photographic domain, before backdrops that the prompt may name."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from data_specs.strict import Strict
from models.diffusion.features import RECORD, Inputs, check_encoder, reading, stored_latents
from models.diffusion.guidance import guide
from models.diffusion.pictures import sheet, to_pixels, to_uint8
from models.diffusion.sampler import ddim_sample
from models.diffusion.samples import MATCHED_MEMBERS, Decoded, matched_count, pick, stack
from models.diffusion.schedule import diffusion_loss, draw_noise
from models.diffusion.text_to_image import TextToImage, load_vae, save_text_to_image
from models.micro.photographs import WHITE_SHARE, draw_photographs, draw_white_prompts
from models.micro.shapes import TransformerShape
from models.micro.vae_recipe import seeded
from models.recipe import Batch, Source, StepRandom

PICTURE_SAMPLES = 6


class BaseConfig(Strict):
    """Settings of micro_base."""

    shape: TransformerShape = TransformerShape.model_validate({})
    inputs: Inputs = Field(
        "pictures", description="pictures: encoded in every step; features: latents that the stage `features` made (backdrops: false)"
    )
    backdrops: bool = Field(True, description="pictures before drawn backdrops; false: white ones alone")
    pictures_per_sample: int = Field(4, gt=0, le=4, description="pictures drawn of each sample in a step")
    text_dropout: float = Field(0.1, ge=0, le=1, description="probability of training without the prompt")
    picture_steps: int = Field(25, gt=0, le=1000, description="DDIM steps of the sampling grid")
    picture_guidance: float = Field(3.0, ge=0, description="guidance scale of the sampling grid")

    @model_validator(mode="after")
    def _features_are_white(self) -> Self:
        if self.inputs == "features" and self.backdrops:
            raise ValueError("backdrops are drawn anew in every step and cannot be features: set backdrops: false, or inputs: pictures")
        return self


@dataclass(frozen=True)
class BaseRecipe:
    """Text-conditioned diffusion on single pictures."""

    config: BaseConfig
    name: ClassVar[str] = "micro_base"
    Config: ClassVar[type[BaseConfig]] = BaseConfig

    @property
    def sources(self) -> tuple[Source, ...]:
        """Photographs alone."""
        return reading((Source("matched_real", 1.0, MATCHED_MEMBERS),), self.config.inputs)

    def build(self, parents: dict[str, Path]) -> TextToImage:
        """A random transformer on the parent's VAE. Raises ValueError when the role "vae" is missing or its folder wrong."""
        if "vae" not in parents:
            raise ValueError("recipe micro_base needs a parent in the role 'vae': a run of micro_vae")
        with seeded(self.name):
            return self.config.shape.with_vae(load_vae(parents["vae"]))

    def collate(self, samples: dict[str, list[Decoded]], rng: StepRandom) -> Batch:
        """`prompts`, n for each sample, and `pixels` (B, n, 3, H, W) uint8, or `latents` (B, n, C, h, w) and their `encoder`."""
        matched = samples["matched_real"]
        streams = [rng.sample(k, "pictures") for k in range(len(matched))]
        places = [pick(self.config.pictures_per_sample, matched_count(sample), stream) for sample, stream in zip(matched, streams)]
        if self.config.inputs == "features":
            latents = [own[taken] for own, taken in zip(stored_latents(matched, "matched_real", "rgb"), places)]
            prompts = [draw_white_prompts(*drawn) for drawn in zip(matched, places, streams)]
            return {"latents": stack(latents), "encoder": sorted({sample[RECORD]["encoder"] for sample in matched}), "prompts": prompts}
        share = WHITE_SHARE if self.config.backdrops else 1.0
        drawn = [draw_photographs(*of, white_share=share) for of in zip(matched, places, streams)]
        return {"pixels": stack([torch.from_numpy(levels) for levels, _ in drawn]), "prompts": [prompts for _, prompts in drawn]}

    def loss(self, network: nn.Module, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error of the prediction; every picture has its own timestep."""
        assert isinstance(network, TextToImage)
        samples, each = range(len(batch["prompts"])), len(batch["prompts"][0])
        clean = self._clean(network, batch)
        kept = [rng.sample(k, "text").random(each) >= self.config.text_dropout for k in samples]
        prompts = network.read([text if keep else "" for texts, keeps in zip(batch["prompts"], kept) for text, keep in zip(texts, keeps)])
        noise = draw_noise(samples, (each, *clean.shape[1:]), rng).flatten(0, 1).to(clean)
        timesteps = network.schedule.draw_timesteps(samples, rng, each).to(clean.device)
        errors = diffusion_loss(lambda noisy, t: network.backbone(noisy, t, prompts), clean, noise, timesteps, network.schedule)
        return errors.mean(), {}

    def _clean(self, network: TextToImage, batch: Batch) -> Tensor:
        if "pixels" in batch:
            return network.encode(to_pixels(batch["pixels"].flatten(0, 1)))
        check_encoder(batch["encoder"], network.encoder_id)
        return batch["latents"].flatten(0, 1)

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """Samples for the prompts of the batch above training pictures of the same prompts."""
        assert isinstance(network, TextToImage)
        pixels, captions = to_pixels(batch["pixels"][:PICTURE_SAMPLES, 0]), [texts[0] for texts in batch["prompts"][:PICTURE_SAMPLES]]
        prompts, null = network.read(captions), network.read([""] * len(captions))
        shape = network.encode(pixels[:1]).shape[1:]
        noise = rng.normal(len(captions), tuple(shape), "picture").to(pixels.device)

        def predict(noisy: Tensor, t: int) -> Tensor:
            return guide(
                lambda x, text: network.backbone(x, torch.full((len(x),), t, device=x.device), text),
                noisy, prompts, null, self.config.picture_guidance,
            )  # fmt: skip

        return sheet([to_uint8(network.decode(ddim_sample(predict, noise, self.config.picture_steps, network.schedule))), to_uint8(pixels)])

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write the folder that `load_text_to_image` reads."""
        assert isinstance(network, TextToImage)
        save_text_to_image(network, folder)
