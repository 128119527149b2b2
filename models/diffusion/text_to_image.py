"""A text-to-image base model as one object and one folder: VAE, prompt encoder, diffusion transformer.

Folder: `config.json`, `vae/` and `transformer/` in diffusers' own layout (`AutoencoderKL` and `PixArtTransformer2DModel` load them).
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
from torch import Tensor, nn

from models.diffusion.backbone import PixArtBackbone
from models.diffusion.ddpm import Prediction
from models.diffusion.latents import decode, encode, encoder_id
from models.diffusion.prompts import HashedWords, Prompts

CONFIG_NAME = "config.json"
FORMAT = 1


class TextToImage(nn.Module):
    """VAE (frozen), prompt encoder and diffusion transformer."""

    def __init__(self, vae: AutoencoderKL, prompts: HashedWords, transformer: PixArtTransformer2DModel, prediction: Prediction = "noise") -> None:
        """prediction: what the transformer was trained to predict.

        Raises ValueError when the latent channels or the width of the text tokens do not fit each other.
        """
        super().__init__()
        if vae.config.latent_channels != transformer.config.in_channels:  # type: ignore[attr-defined]
            raise ValueError(
                f"the VAE makes {vae.config.latent_channels} latent channels, the transformer takes {transformer.config.in_channels}"  # type: ignore[attr-defined]
            )
        if prompts.channels != transformer.config.caption_channels:  # type: ignore[attr-defined]
            raise ValueError(
                f"text tokens have {prompts.channels} channels, the transformer takes {transformer.config.caption_channels}"  # type: ignore[attr-defined]
            )
        self.vae = vae.requires_grad_(False)
        self.prompts, self.prediction = prompts, prediction
        self.backbone = PixArtBackbone(transformer)

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

    def enable_gradient_checkpointing(self) -> None:
        """Recompute blocks in the backward pass instead of keeping their activations."""
        self.backbone.gradient_checkpointing = True


def save_text_to_image(model: TextToImage, folder: Path, **described: Any) -> None:
    """Write the folder; `described` (plain data) joins `config.json`."""
    save_vae(model.vae, folder)
    _save_part(model.backbone.transformer, folder / "transformer")
    prompts = {"kind": "hashed_words", "channels": model.prompts.channels, "length": model.prompts.length}
    (folder / CONFIG_NAME).write_text(
        json.dumps({"format": FORMAT, "prediction": model.prediction, "prompts": prompts, **described}, indent=1, sort_keys=True) + "\n"
    )


def load_text_to_image(folder: Path) -> TextToImage:
    """Read what `save_text_to_image` wrote, on the CPU. Raises ValueError naming the file that is missing or wrong."""
    config = read_config(folder)
    described: dict[str, Any] = config["prompts"]
    prediction: Any = config.get("prediction")
    if described.get("kind") != "hashed_words":
        raise ValueError(f"{folder / CONFIG_NAME}: prompt encoder {described.get('kind')!r} is not known here")
    if prediction not in get_args(Prediction):
        raise ValueError(f"{folder / CONFIG_NAME}: prediction {prediction!r} is not one of {', '.join(get_args(Prediction))}")
    prompts = HashedWords(int(described["channels"]), int(described["length"]))
    return TextToImage(load_vae(folder), prompts, _load_part(PixArtTransformer2DModel, folder / "transformer"), prediction)


def read_config(folder: Path) -> dict[str, Any]:
    """The `config.json` of a model folder. Raises ValueError when it is missing, unreadable or of another format."""
    path = folder / CONFIG_NAME
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} is not a model folder ({error}): train its run first") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT or not isinstance(config.get("prompts"), dict):
        raise ValueError(f"{path} is not of format {FORMAT}: train its run again")
    return config


def save_vae(vae: AutoencoderKL, folder: Path) -> None:
    """Write `folder/vae`."""
    _save_part(vae, folder / "vae")


def load_vae(folder: Path) -> AutoencoderKL:
    """Read `folder/vae`. Raises ValueError when it is missing or damaged."""
    return _load_part(AutoencoderKL, folder / "vae")


def _save_part(part: ModelMixin, folder: Path) -> None:
    part.register_to_config(_name_or_path="")  # type: ignore[attr-defined]  # the saved model must not name the folder it came from
    part.save_pretrained(folder, safe_serialization=True)


def _load_part(kind: type[Any], folder: Path) -> Any:
    try:
        part = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except Exception as error:  # diffusers raises OSError, ValueError, SafetensorError and others for a wrong folder
        raise ValueError(f"{folder} does not hold a {kind.__name__} ({error}): train its run again") from None
    return part.eval().float()
