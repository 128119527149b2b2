"""A text-to-image base model as one object and one folder: VAE, prompt encoder, diffusion transformer, noise schedule.

Folder: a diffusers pipeline (`models/diffusion/pipeline_folder.py`), or, without text encoder, `config.json`, `vae/` and `transformer/` in
diffusers' own layout. What is saved of a base that came from a pipeline is both: a pipeline with a `config.json`.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from torch import Tensor, nn

from models.diffusion.backbone import Backbone, PixArtBackbone
from models.diffusion.ddpm import Ddpm, Prediction
from models.diffusion.folder_config import CONFIG_NAME, FORMAT, HashedWordsConfig, read_config
from models.diffusion.joint import FluxBackbone, SD3Backbone
from models.diffusion.latents import decode, encode, encoder_id
from models.diffusion.pipeline_folder import INDEX_NAME, LazyPrompts, is_pipeline, link_frozen_parts, load_prompts, load_schedule, read_json
from models.diffusion.prompts import HashedWords, PromptEncoder, Prompts
from models.diffusion.schedule import NoiseSchedule
from models.outline import outlining

BACKBONES: dict[type[ModelMixin], type[Backbone]] = {
    PixArtTransformer2DModel: PixArtBackbone,
    SD3Transformer2DModel: SD3Backbone,
    FluxTransformer2DModel: FluxBackbone,
}
"""diffusers' class -> what runs it."""


class TextToImage(nn.Module):
    """VAE and prompt encoder (frozen), diffusion transformer, noise schedule."""

    def __init__(self, vae: AutoencoderKL, prompts: PromptEncoder, transformer: ModelMixin, schedule: NoiseSchedule) -> None:
        """schedule: what the transformer was trained with.

        Raises ValueError for a transformer that nothing runs, and when the widths of latents or text do not fit each other.
        """
        super().__init__()
        if type(transformer) not in BACKBONES:
            raise ValueError(f"a {type(transformer).__name__} cannot be the backbone; these can: {', '.join(kind.__name__ for kind in BACKBONES)}")
        self.vae = vae.requires_grad_(False)
        self.prompts, self.schedule = prompts, schedule
        self.backbone = BACKBONES[type(transformer)](transformer)
        self.pipeline: Path | None = None
        """The pipeline folder that it was read from, if any: its frozen parts are saved by linking them."""
        self._check_widths()

    def _check_widths(self) -> None:
        latent_channels = self.vae.config.latent_channels  # type: ignore[attr-defined]
        for what, made, taken in (
            ("the VAE makes {} latent channels", latent_channels, self.backbone.channels),
            ("text tokens have {} channels", self.prompts.channels, self.backbone.text_channels),
            ("the pooled text has {} channels", self.prompts.pooled_channels, self.backbone.pooled_channels),
        ):
            if made != taken:
                raise ValueError(f"{what.format(made)}, the transformer takes {taken}")

    @property
    def prediction(self) -> str:
        """What the transformer was trained to predict."""
        return self.schedule.prediction

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.backbone.transformer.proj_out.weight.device

    @cached_property
    def encoder_id(self) -> str:
        """Which VAE makes its latents; the VAE never trains."""
        return encoder_id(self.vae)

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> latents of unit variance (B, C, H / f, W / f), without gradient."""
        return encode(self.vae, pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, C, h, w) -> (B, 3, f h, f w), about [-1, 1], without gradient."""
        return decode(self.vae, latents)

    def read(self, captions: list[str]) -> Prompts:
        """Encode B captions on the device; "" is the null prompt."""
        return self.prompts(captions).to(self.device)

    @property
    def layers(self) -> list[nn.Module]:
        """What is large and called one after the other: FSDP gathers them one at a time."""
        return self.backbone.layers

    def enable_gradient_checkpointing(self) -> None:
        """Recompute blocks in the backward pass instead of keeping their activations."""
        self.backbone.gradient_checkpointing = True


def save_text_to_image(model: TextToImage, folder: Path, **described: Any) -> None:
    """Write the folder; `described` (plain data) joins `config.json`."""
    save_vae(model.vae, folder)
    _save_part(model.backbone.transformer, folder / "transformer")
    if model.pipeline is not None:
        link_frozen_parts(model.pipeline, folder)
    prompts = (
        {"kind": "hashed_words", "channels": model.prompts.channels, "length": model.prompts.length}
        if isinstance(model.prompts, HashedWords)
        else {"kind": "pipeline"}
    )
    (folder / CONFIG_NAME).write_text(
        json.dumps({"format": FORMAT, "prediction": model.prediction, "prompts": prompts, **described}, indent=1, sort_keys=True) + "\n"
    )


def load_text_to_image(folder: Path, lazy_text: bool = False) -> TextToImage:
    """Read a pipeline or what `save_text_to_image` wrote, on the CPU. Raises ValueError naming the file that is missing or wrong.

    lazy_text: read the text encoders of a pipeline, 19 GB of T5, only if a text is to be encoded.
    """
    if is_pipeline(folder):
        prompts = LazyPrompts(folder) if lazy_text else load_prompts(folder)
        model = TextToImage(load_vae(folder), prompts, _load_transformer(folder), load_schedule(folder))
        model.pipeline = folder
        return model
    config = read_config(folder)
    described, prediction = config.prompts, config.prediction
    if not isinstance(described, HashedWordsConfig):
        raise ValueError(f"{folder / CONFIG_NAME}: its prompts are read by a pipeline, and {folder / INDEX_NAME} is not there")
    if prediction == "flow":
        raise ValueError(f"{folder / CONFIG_NAME}: prediction 'flow' is not one of {', '.join(get_args(Prediction))}")
    prompts = HashedWords(described.channels, described.length)
    return TextToImage(load_vae(folder), prompts, _load_transformer(folder), Ddpm(prediction))


def _load_transformer(folder: Path) -> ModelMixin:
    config = read_json(folder / "transformer" / "config.json")
    kinds = {kind.__name__: kind for kind in BACKBONES}
    if config.get("norm_type") == "ada_norm_single":  # PixArt was released as a Transformer2DModel
        kinds["Transformer2DModel"] = PixArtTransformer2DModel
    name = str(config.get("_class_name"))
    if name not in kinds:
        raise ValueError(f"{folder / 'transformer'} holds a {name}, which cannot be the backbone; these can: {', '.join(kinds)}")
    return _load_part(kinds[name], folder / "transformer")


def save_vae(vae: AutoencoderKL, folder: Path) -> None:
    """Write `folder/vae`."""
    _save_part(vae, folder / "vae")


def load_vae(folder: Path) -> AutoencoderKL:
    """Read `folder/vae`. Raises ValueError when it is missing or damaged."""
    return _load_part(AutoencoderKL, folder / "vae")


def _save_part(part: ModelMixin, folder: Path) -> None:
    part.register_to_config(_name_or_path="")  # type: ignore[attr-defined]  # the saved model must not name the folder it came from
    if outlining():
        part.save_config(folder)
    else:
        part.save_pretrained(folder, safe_serialization=True)


def _load_part(kind: type[Any], folder: Path) -> Any:
    try:
        if outlining():
            return kind.from_config(kind.load_config(folder, local_files_only=True)).eval()
        part = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except Exception as error:  # diffusers raises OSError, ValueError, SafetensorError and others for a wrong folder
        raise ValueError(f"{folder} does not hold a {kind.__name__} ({error}): train its run again") from None
    return part.eval().float()
