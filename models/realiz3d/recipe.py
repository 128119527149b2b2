"""How Realiz3D trains: a short warm-up on real samples, the Domain Shifters alone, then the backbone (SPEC R4 to R7).

The same plain diffusion loss throughout. Real samples are the four pictures of a caption in random tiles; in single-image mode tiles do not
see each other, so it makes no difference to the loss which pictures share a grid.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from data_specs.strict import Strict
from models.diffusion.features import Inputs, reading
from models.diffusion.pictures import sheet, to_pixels, to_uint8
from models.diffusion.prompts import drop_texts
from models.diffusion.samples import MATCHED_MEMBERS, RGB_MEMBERS, VIEW_MEMBERS, VIEWS_RECORD, Decoded, caption_of, matched_count, pick
from models.diffusion.schedule import diffusion_loss, draw_noise
from models.diffusion.text_to_image import load_text_to_image
from models.micro.shapes import BaseShape
from models.micro.vae_recipe import seeded
from models.realiz3d.binding import PROBABILITY, SHARE, UNBOUND, Binding, draw_binding
from models.realiz3d.conditioning import Condition, ControlKind, join_control
from models.realiz3d.grid import VIEWS
from models.realiz3d.inputs import clean_latents, control_of, encoded_control, pictures_of, prompts_of
from models.realiz3d.network import Realiz3D, Realiz3DConfig, load_model, save_model
from models.realiz3d.sampling import SamplingSettings, sample_tiles, sample_views
from models.realiz3d.shifter import reassign
from models.recipe import Batch, Source, StepRandom

PICTURE_SAMPLES = 3


class CommonConfig(Strict):
    """Settings of every stage."""

    inputs: Inputs = Field("pictures", description="pictures: encoded in every step; features: what the stage `features` made of them")
    text_dropout: float = Field(0.1, ge=0, le=1, description="probability of training without the caption")
    picture_steps: int = Field(20, gt=0, le=1000, description="DDIM steps of the sampling grid")
    picture_guidance: float = Field(3.0, ge=0, description="guidance scale of the sampling grid")


class FirstConfig(CommonConfig):
    """Settings of the stages that start from a base model."""

    network: Realiz3DConfig = Realiz3DConfig.model_validate({})
    random_base: BaseShape | None = Field(None, description="shape of a base with random weights, where no parent `base` is given: tests only")


class ControlConfig(CommonConfig):
    """Settings of the stages that train control."""

    real_share: float = Field(0.0, ge=0, lt=1, description="share of real samples, without control, in every batch; 0 = synthetic samples only")


class Stage2Config(ControlConfig):
    """Settings of stage 2 (SPEC R5 to R7)."""

    real_share: float = Field(0.5, ge=0, lt=1, description="share of real samples in every batch (SPEC R5); 0 = none, row 2 of table 2")
    control: ControlKind = Field("maps", description="the control of the parent: maps or viewpoint")
    layer_aware: bool = Field(True, description="R6: real samples do not train the early blocks")
    layer_share: float = Field(SHARE, ge=0, le=1, description="tau_B as a share of the blocks")
    reassign_probability: float = Field(PROBABILITY, ge=0, le=1, description="p_B of R7; 0 = never")


@dataclass(frozen=True)
class Training:
    """What the stages share: reading the two domains, and the loss."""

    name: ClassVar[str]
    config: CommonConfig

    @property
    def sources(self) -> tuple[Source, ...]:
        """Half synthetic, half real (SPEC R5)."""
        return reading((Source("render", 0.5, RGB_MEMBERS), Source("matched_real", 0.5, MATCHED_MEMBERS)), self.config.inputs)

    def collate(self, samples: dict[str, list[Decoded]], rng: StepRandom) -> Batch:
        """For each source with samples: pictures (`inputs.pictures_of`), `captions` and `domains` of B samples; their control where it is trained.

        Pictures stay as they are stored, in 8 or 16 bits, until they are on the device (`to_pixels`, `join_control`).
        """
        parts, first = {}, 0
        for source in self.sources:
            own = samples.get(source.word, [])
            if own:
                places = range(first, first + len(own))
                parts[source.word] = self._real(own, places, rng) if source.word == "matched_real" else self._synthetic(own)
            first += len(own)
        return parts

    def loss(self, network: nn.Module, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error of the prediction over all samples; its mean over those of each source goes to the log."""
        assert isinstance(network, Realiz3D)
        errors, first = {}, 0
        for word, part in batch.items():
            places = range(first, first + len(part["captions"]))
            errors[word] = self._errors(network, part, places, rng, self._binding(network, rng) if word == "matched_real" else UNBOUND)
            first = places.stop
        return torch.cat(list(errors.values())).mean(), {word: error.mean() for word, error in errors.items()}

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write the folder that `load_model` reads."""
        assert isinstance(network, Realiz3D)
        save_model(network, folder)

    def _binding(self, network: Realiz3D, rng: StepRandom) -> Binding:
        """What this step's real samples may train and which domain their early blocks see."""
        return UNBOUND

    def _synthetic(self, samples: list[Decoded]) -> dict[str, Any]:
        return {
            **pictures_of(samples, "render", None, self.config.inputs),
            "captions": [caption_of(sample) for sample in samples],
            "domains": [sample[VIEWS_RECORD]["domain"] for sample in samples],
        }

    def _real(self, samples: list[Decoded], places: range, rng: StepRandom) -> dict[str, Any]:
        tiles = [pick(VIEWS, matched_count(sample), rng.sample(k, "tiles")) for k, sample in zip(places, samples)]
        return {
            **pictures_of(samples, "matched_real", tiles, self.config.inputs),
            "captions": [caption_of(sample) for sample in samples],
            "domains": ["real"] * len(samples),
        }

    def _errors(self, network: Realiz3D, part: dict[str, Any], places: range, rng: StepRandom, binding: Binding) -> Tensor:
        """The loss of each sample of one source. Synthetic samples with a control see their other views, all others only themselves."""
        clean, control = clean_latents(network, part), encoded_control(network, part)
        domains = reassign(network.shifters.select(part["domains"]), network.shifters.index("synthetic"), binding.reassigned_blocks)
        prompts = prompts_of(network, part, drop_texts(part["captions"], self.config.text_dropout, places, rng))
        condition = Condition(prompts, domains, control, multiview=control is not None, frozen_blocks=binding.frozen_blocks)
        noise = draw_noise(places, tuple(clean.shape[1:]), rng).to(clean)
        timesteps = network.base.schedule.draw_timesteps(places, rng).to(clean.device)
        return diffusion_loss(lambda noisy, t: self._predict(network, noisy, t, condition), clean, noise, timesteps, network.base.schedule)

    def _predict(self, network: Realiz3D, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        return network(noisy, timesteps, condition)

    def _settings(self) -> SamplingSettings:
        return SamplingSettings(steps=self.config.picture_steps, guidance=self.config.picture_guidance)


@dataclass(frozen=True)
class ControlTraining(Training, ABC):
    """What all training with control shares: synthetic grids in multiview mode, real pictures with null control in single-image mode (R5)."""

    config: ControlConfig

    @property
    @abstractmethod
    def control(self) -> ControlKind:
        """What controls the synthetic grids."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Synthetic samples with what the control needs, beside the share of real ones."""
        share, members = self.config.real_share, VIEW_MEMBERS if self.control == "maps" else RGB_MEMBERS
        real = (Source("matched_real", share, MATCHED_MEMBERS),) if share else ()
        return reading((Source("render", 1.0 - share, members), *real), self.config.inputs)

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """For each asset a row of samples of the real domain, above the synthetic views whose geometry they follow."""
        assert isinstance(network, Realiz3D)
        part = batch["render"]
        captions, pixels = part["captions"][:PICTURE_SAMPLES], to_pixels(part["pixels"][:PICTURE_SAMPLES])
        sampled = sample_views(network, join_control(part["control"])[:PICTURE_SAMPLES], captions, self._settings(), rng.step("picture"))
        return sheet([row for pair in zip(sampled, to_uint8(pixels)) for row in pair])

    def _synthetic(self, samples: list[Decoded]) -> dict[str, Any]:
        return {**super()._synthetic(samples), **control_of(samples, self.control, self.config.inputs)}


@dataclass(frozen=True)
class WarmupRecipe(Training):
    """A few steps of the backbone on real samples alone, so that the shifters need not learn white backgrounds and centred objects (R4, C.2)."""

    name: ClassVar[str] = "realiz3d_warmup"
    Config: ClassVar[type[FirstConfig]] = FirstConfig
    config: FirstConfig

    @property
    def sources(self) -> tuple[Source, ...]:
        """Real samples only."""
        return reading((Source("matched_real", 1.0, MATCHED_MEMBERS),), self.config.inputs)

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The base with shifters and control that do nothing yet; the transformer trains. Raises ValueError when there is no base."""
        return backbone_alone(from_base(self.config, parents, self.name))

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """Samples of the real domain, a row of four tiles per caption."""
        return domain_rows(network, batch, rng, self._settings(), ("real",))


@dataclass(frozen=True)
class Stage1Recipe(Training):
    """The Domain Shifters (or the Domain Switcher) learn the domains; null control, single-image mode, everything else frozen (R4)."""

    name: ClassVar[str] = "realiz3d_stage1"
    Config: ClassVar[type[FirstConfig]] = FirstConfig
    config: FirstConfig

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The base with fresh shifters (or switcher), which train. Raises ValueError when there is no base."""
        network = from_base(self.config, parents, self.name).requires_grad_(False)
        for weight in network.domain_parameters():
            weight.requires_grad_(True)
        return network

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """For each caption a row of every domain, from the same noise."""
        return domain_rows(network, batch, rng, self._settings(), self.config.network.domains)


@dataclass(frozen=True)
class Stage2Recipe(ControlTraining):
    """The backbone learns control from synthetic grids and keeps the look of real pictures (R5); Representation Binding (R6, R7)."""

    name: ClassVar[str] = "realiz3d_stage2"
    Config: ClassVar[type[Stage2Config]] = Stage2Config
    config: Stage2Config

    @property
    def control(self) -> ControlKind:
        """As the parent was made for."""
        return self.config.control

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The model of stage 1 with its shifters frozen. Raises ValueError when the role "shifted" is missing or of another control."""
        if "shifted" not in parents:
            raise ValueError("recipe realiz3d_stage2 needs a parent in the role 'shifted': a run of realiz3d_stage1")
        network = load_controlled(parents["shifted"], self.control, self.name, self.config.inputs)
        network.base.backbone.requires_grad_(True)
        network.control.requires_grad_(True)
        return network

    def _binding(self, network: Realiz3D, rng: StepRandom) -> Binding:
        drawn = draw_binding(network.blocks, self.config.layer_share, self.config.reassign_probability, rng.step("binding"))
        return drawn if self.config.layer_aware else replace(drawn, frozen_blocks=0)


def from_base(config: FirstConfig, parents: dict[str, Path], name: str) -> Realiz3D:
    """The network of a recipe around the parent in the role "base". Raises ValueError when there is none."""
    with seeded(name):
        if "base" in parents:
            base = load_text_to_image(parents["base"], lazy_text=config.inputs == "features")
        elif config.random_base is not None:
            base = config.random_base.build()
        else:
            raise ValueError(f"recipe {name} needs a parent in the role 'base': a run of micro_base or realiz3d_warmup")
        return Realiz3D(base, config.network)


def backbone_alone(network: Realiz3D) -> Realiz3D:
    """Let the transformer train and nothing else."""
    network.requires_grad_(False)
    network.base.backbone.requires_grad_(True)
    return network


def load_controlled(folder: Path, control: ControlKind, name: str, inputs: Inputs) -> Realiz3D:
    """The model of an earlier stage, with everything frozen. Raises ValueError when it was made for another control."""
    network = load_model(folder, lazy_text=inputs == "features").requires_grad_(False)
    if network.config.control != control:
        raise ValueError(f"{name} is set to control {control!r}, its parent was made for {network.config.control!r}")
    return network


def domain_rows(network: nn.Module, batch: Batch, rng: StepRandom, settings: SamplingSettings, domains: tuple[str, ...]) -> np.ndarray:
    """For each caption of the last source a row of single pictures of every domain, from the same noise."""
    assert isinstance(network, Realiz3D)
    captions = list(batch.values())[-1]["captions"][:PICTURE_SAMPLES]
    sampled = [sample_tiles(network, domain, captions, settings, rng.step("picture")) for domain in domains]
    return sheet([row for rows in zip(*sampled) for row in rows])
