"""One verified asset to its features, by a base model that every worker process loads once."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from data_specs.decision import Decision
from data_specs.ids import canonical_json
from data_specs.sample import Sample
from models.diffusion.features import FEATURES_WORD, RECORD, Precision, PromptReader, encode_sample
from models.diffusion.folder_config import CONFIG_NAME, read_config
from models.diffusion.latents import encoder_id
from models.diffusion.pipeline_folder import INDEX_NAME, TEXT_PARTS, is_pipeline
from models.diffusion.text_to_image import load_text_to_image, load_vae
from tasks.artefacts import Workspace
from tasks.stored_samples import StoredSample
from tasks.weights import file_digests

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

WORD = FEATURES_WORD


@dataclass(frozen=True)
class Base:
    """The frozen encoders of a model: its folder and, so that a changed model is noticed, the id of its VAE and what its text is read with."""

    folder: str
    encoder: str
    text: str


@dataclass(frozen=True)
class FeatureJob:
    """What is stored of one asset, and what is to encode it."""

    key: str
    render: StoredSample
    matched_real: StoredSample
    base: Base
    precision: Precision


def encode_asset(job: FeatureJob) -> tuple[Sample | None, list[Decision]]:
    """Encode pictures, maps and caption of one asset."""
    vae, read = _encoders(job.base)
    samples = {word: {"__key__": job.key, **getattr(job, word).decoded()} for word in ("render", "matched_real")}
    members = encode_sample(vae, read, samples, job.precision)
    record = {"encoder": job.base.encoder, "precision": job.precision}
    return Sample(job.key, {**members, RECORD: canonical_json(record).encode()}), []


def open_base(workspace: Workspace, folder: Path) -> Base:
    """The encoders in a model folder. Raises ValueError when it holds no VAE."""
    return Base(str(folder), encoder_id(load_vae(folder)), _text_identity(workspace, folder))


def _text_identity(workspace: Workspace, folder: Path) -> str:
    """What the text is read with: a pipeline's index, text encoders and tokenizers by their bytes, or what a config says; empty without."""
    if is_pipeline(folder):
        names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
        return canonical_json(file_digests(workspace, folder, [name for name in names if name.startswith((INDEX_NAME, *TEXT_PARTS))]))
    return canonical_json(read_config(folder).prompts.model_dump()) if (folder / CONFIG_NAME).is_file() else ""


@lru_cache(maxsize=1)
def _encoders(base: Base) -> "tuple[AutoencoderKL, PromptReader | None]":
    """VAE and prompt encoder on this worker's device. A folder without a text-to-image model (a run of micro_vae) has no prompt encoder."""
    folder, device = Path(base.folder), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_text_to_image(folder).to(device) if base.text else None
    vae = load_vae(folder).to(device) if model is None else model.vae  # type: ignore[arg-type]  # diffusers wraps `to`
    if encoder_id(vae) != base.encoder:
        raise ValueError(f"the VAE in {folder} has changed while its features were made: run `atelier3d {WORD}` again")
    return vae, None if model is None else _remembering_null(model.read)


def _remembering_null(read: PromptReader) -> PromptReader:
    """The same reader, that encodes the null prompt once: it is stored with every sample."""
    null = read([""])
    return lambda texts: null if texts == [""] else read(texts)
