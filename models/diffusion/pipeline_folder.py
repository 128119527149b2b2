"""A whole diffusers pipeline as the folder of a base: PixArt-Sigma, PixArt-alpha, Stable Diffusion 3 and 3.5, FLUX.1.

`model_index.json` names the parts; each lies in a folder of its name, weights as safetensors.
"""

import json
import os
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from torch import nn

from models.diffusion.ddpm import Ddpm
from models.diffusion.flow_matching import RectifiedFlow, TokenShift
from models.diffusion.prompts import PromptEncoder, Prompts
from models.diffusion.schedule import TIMESTEPS, NoiseSchedule
from models.diffusion.text_encoders import FluxPrompts, SD3Prompts, T5Prompts
from models.outline import BlankTokenizer, outlining

INDEX_NAME = "model_index.json"


class _Kind(NamedTuple):
    """Tokens per text, and prompts from the parts, that number and the transformer's config."""

    length: int
    prompts: Callable[[dict[str, Any], int, dict[str, Any]], Any]


KINDS: dict[str, _Kind] = {
    "PixArtSigmaPipeline": _Kind(300, lambda parts, length, shape: T5Prompts(parts, length)),
    "PixArtAlphaPipeline": _Kind(120, lambda parts, length, shape: T5Prompts(parts, length)),
    "StableDiffusion3Pipeline": _Kind(256, lambda parts, length, shape: SD3Prompts(parts, length, shape["joint_attention_dim"])),
    "FluxPipeline": _Kind(512, lambda parts, length, shape: FluxPrompts(parts, length)),
}
"""What can be a base, by the class that `model_index.json` names."""

TEXT_PARTS = ("tokenizer", "text_encoder")
"""How the names of the parts that read prompts begin."""

TEXT_ENCODERS = ("T5EncoderModel", "CLIPTextModel", "CLIPTextModelWithProjection")


def is_pipeline(folder: Path) -> bool:
    """Whether a folder holds a diffusers pipeline."""
    return (folder / INDEX_NAME).is_file()


def load_prompts(folder: Path) -> PromptEncoder:
    """The prompt encoder of a pipeline, on the CPU. Raises ValueError naming the part that is missing, unknown or wrong."""
    index = read_json(folder / INDEX_NAME)
    kind = KINDS.get(str(index.get("_class_name")))
    if kind is None:
        raise ValueError(f"{folder / INDEX_NAME}: {index.get('_class_name')!r} cannot be a base; these can: {', '.join(KINDS)}")
    parts = {name: _load_part(folder / name, str(entry[1])) for name, entry in index.items() if _is_text_part(name, entry)}
    try:
        return kind.prompts(parts, kind.length, read_json(folder / "transformer" / "config.json"))
    except KeyError as error:
        raise ValueError(f"{folder / INDEX_NAME} names no {error}: {index['_class_name']} needs it to read prompts") from None


class LazyPrompts:
    """The prompt encoder of a pipeline, read when the first text comes. It stays on the CPU and is no part of the network around it."""

    def __init__(self, folder: Path) -> None:
        """Raises ValueError when the folder is not a pipeline that can be a base."""
        with torch.device("meta"):  # its widths, without its weights
            shape = load_prompts(folder)
        self.folder, self.channels, self.pooled_channels = folder, shape.channels, shape.pooled_channels

    @cached_property
    def encoder(self) -> PromptEncoder:
        """The encoder itself."""
        return load_prompts(self.folder)

    def __call__(self, texts: list[str]) -> Prompts:
        """Encode B texts."""
        return self.encoder(texts)


def load_schedule(folder: Path) -> NoiseSchedule:
    """The noise schedule that `scheduler/scheduler_config.json` describes. Raises ValueError for one that is not known here."""
    path = folder / "scheduler" / "scheduler_config.json"
    config = read_json(path)
    if config.get("num_train_timesteps", TIMESTEPS) != TIMESTEPS:
        raise ValueError(f"{path}: {config['num_train_timesteps']} timesteps; a base must have {TIMESTEPS}")
    if str(config.get("_class_name")).startswith("FlowMatch"):
        return _flow(config)
    predictions: dict[str, Any] = {"epsilon": "noise", "v_prediction": "velocity"}
    prediction, betas = config.get("prediction_type", "epsilon"), config.get("beta_schedule", "linear")
    special = [name for name in ("trained_betas", "rescale_betas_zero_snr", "use_flow_sigmas") if config.get(name)]
    if special or prediction not in predictions or betas not in ("linear", "scaled_linear"):
        raise ValueError(f"{path}: a schedule with {', '.join([f'prediction {prediction!r}', f'betas {betas!r}', *special])} is not known here")
    return Ddpm(predictions[prediction], config.get("beta_start", 1e-4), config.get("beta_end", 0.02), betas)


def link_frozen_parts(source: Path, folder: Path) -> None:
    """Give a model's folder the parts of its pipeline that never train: hard links where the file system can, for T5 alone takes 19 GB.

    With `vae` and `transformer` written beside them the folder is a pipeline again.
    """
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        relative = path.relative_to(source)
        if relative.parts[0] in _frozen_parts(source):
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            _link(path.resolve(), target)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ValueError naming the file when it is missing or damaged."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error}): a base is a whole diffusers pipeline folder") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return value


def _flow(config: dict[str, Any]) -> RectifiedFlow:
    if not config.get("use_dynamic_shifting"):
        return RectifiedFlow(config.get("shift", 1.0))
    tokens = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    return RectifiedFlow(by_tokens=TokenShift(tokens, (config.get("base_shift", 0.5), config.get("max_shift", 1.15))))


def _is_text_part(name: str, entry: Any) -> bool:
    return name.startswith(TEXT_PARTS) and isinstance(entry, list) and bool(entry[1])


def _frozen_parts(source: Path) -> set[str]:
    named = {name for name, entry in read_json(source / INDEX_NAME).items() if isinstance(entry, list)}
    return {INDEX_NAME, "scheduler"} | {name for name in named if name.startswith(TEXT_PARTS)}


def _load_part(folder: Path, kind: str) -> Any:
    try:
        if "Tokenizer" in kind and outlining():
            return BlankTokenizer()
        if "Tokenizer" in kind:
            return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        if kind not in TEXT_ENCODERS:
            raise ValueError(f"{kind} is not a text encoder known here")
        if outlining():
            return getattr(transformers, kind)(transformers.AutoConfig.from_pretrained(folder, local_files_only=True)).eval()
        encoder: nn.Module = getattr(transformers, kind).from_pretrained(folder, local_files_only=True, use_safetensors=True)
        return encoder.eval().float()
    except Exception as error:  # transformers raises OSError, ValueError, ImportError and others for a wrong folder
        raise ValueError(f"{folder} does not hold a {kind} ({error})") from None


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
