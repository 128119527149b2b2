"""What the frozen encoders of a base model make of a sample, computed once: latents of its pictures and the tokens of its caption.

A sample of the data set `features` has the records of both its sources and

    render.safetensors          rgb, normal, position: (4, C, h, w) in tile order
    matched_real.safetensors    rgb: (P, C, h, w) in the order of the record
    text.safetensors            caption, null: (L, C), the tokens that count; caption_pooled, null_pooled: (P,), where the base reads one
    features.json               by which encoder

Latents are normalised, as `latents.encode` gives them; pictures are on white.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import save
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from data_specs.ids import canonical_json
from data_specs.view import MapName
from models.diffusion.latents import encode
from models.diffusion.prompts import Prompts
from models.diffusion.samples import MATCHED_RECORD, VIEWS_RECORD, Decoded, matched_tensors, view_tensors
from models.recipe import Source

FEATURES_WORD = "features"
RECORD, TEXT = "features.json", "text.safetensors"
LATENTS = {"render": "render.safetensors", "matched_real": "matched_real.safetensors"}
MEMBERS = {
    "render": r"views\.json|features\.json|(render|text)\.safetensors",
    "matched_real": r"matched\.json|features\.json|(matched_real|text)\.safetensors",
}
"""Source word -> what training reads of a sample of `features` in place of that source."""

ENCODED_MAPS: tuple[MapName, ...] = ("rgb", "normal", "position")
Precision = Literal["fp32", "fp16"]
Inputs = Literal["pictures", "features"]
"""What a recipe trains on: pictures that it encodes in every step, or what the features hold of them."""

PromptReader = Callable[[list[str]], Prompts]


def reading(sources: Sequence[Source], inputs: Inputs) -> tuple[Source, ...]:
    """The sources as they are, or with what the features hold in place of their pictures."""
    if inputs == "pictures":
        return tuple(sources)
    return tuple(replace(source, members=MEMBERS[source.word], stored=FEATURES_WORD) for source in sources)


def check_encoder(made_by: list[str], ours: str) -> None:
    """Raise ValueError when features were made by another VAE than the network's."""
    if made_by != [ours]:
        raise ValueError(
            f"the features were made by the VAE {', '.join(made_by)}, this run's base has {ours}: "
            "set features.base to the base of the run and run `atelier3d features` again, or give the run the setting `inputs: pictures`"
        )


@torch.no_grad()
def encode_sample(vae: AutoencoderKL, read: PromptReader | None, samples: dict[str, Decoded], precision: Precision) -> dict[str, bytes]:
    """The members of one asset's features but for `features.json`.

    samples: its decoded render and matched real samples. read: the prompt encoder; without one there is no text.
    Raises ValueError naming the sample for a view plan or a picture that cannot be encoded.
    """
    device = next(vae.parameters()).device
    render, matched = samples["render"], samples["matched_real"]
    views: dict[str, Tensor] = {name: encode(vae, view_tensors(render, name).to(device)) for name in ENCODED_MAPS}
    pictures = {"rgb": encode(vae, matched_tensors(matched).to(device))}
    parts: dict[str, dict[str, Tensor]] = {LATENTS["render"]: views, LATENTS["matched_real"]: pictures}
    if read is not None:
        parts[TEXT] = {**_text("caption", read([str(render[VIEWS_RECORD]["caption"])])), **_text("null", read([""]))}
    members = {field: save({name: _stored(value, precision) for name, value in tensors.items()}) for field, tensors in parts.items()}
    records = {VIEWS_RECORD: render[VIEWS_RECORD], MATCHED_RECORD: matched[MATCHED_RECORD]}
    return members | {field: canonical_json(record).encode() for field, record in records.items()}


def stored_latents(samples: list[Decoded], source: str, name: MapName) -> Tensor:
    """All latents of one map of each sample: (samples, pictures, C, h, w) float32. Raises ValueError naming a sample that lacks them."""
    return torch.stack([_tensor(sample, LATENTS[source], name) for sample in samples])


def stored_prompts(samples: list[Decoded]) -> tuple[Prompts, Prompts] | None:
    """Captions and null prompts of samples, on the CPU; None when the features hold no text."""
    if any(TEXT not in sample for sample in samples):
        return None
    return _prompts(samples, "caption"), _prompts(samples, "null")


def dropped(captions: Prompts, nulls: Prompts, texts: Sequence[str]) -> Prompts:
    """Captions, but the null prompt where `prompts.drop_texts` has left an empty text."""
    rows = [row + len(texts) * (not text) for row, text in enumerate(texts)]
    pooled = None if captions.pooled is None or nulls.pooled is None else torch.cat([captions.pooled, nulls.pooled])[rows]
    return Prompts(_joined(captions.tokens, nulls.tokens)[rows], _joined(captions.mask, nulls.mask)[rows], pooled)


def _joined(first: Tensor, second: Tensor) -> Tensor:
    """Two batches of texts of different lengths; attention never looks at the padding."""
    return pad_sequence([*first, *second], batch_first=True)


def _text(name: str, prompts: Prompts) -> dict[str, Tensor]:
    tokens = {name: prompts.tokens[0, prompts.mask[0]]}
    return tokens if prompts.pooled is None else {**tokens, f"{name}_pooled": prompts.pooled[0]}


def _prompts(samples: list[Decoded], name: str) -> Prompts:
    texts = [_tensor(sample, TEXT, name) for sample in samples]
    lengths = torch.tensor([len(text) for text in texts])
    mask = torch.arange(int(lengths.max()))[None] < lengths[:, None]
    has_pooled = all(f"{name}_pooled" in sample[TEXT] for sample in samples)
    pooled = torch.stack([_tensor(sample, TEXT, f"{name}_pooled") for sample in samples]) if has_pooled else None
    return Prompts(pad_sequence(texts, batch_first=True), mask, pooled)


def _stored(value: Tensor, precision: Precision) -> Tensor:
    return value.to("cpu", torch.float16 if precision == "fp16" else torch.float32).contiguous()


def _tensor(sample: Decoded, field: str, name: str) -> Tensor:
    tensors = sample.get(field, {})
    if name not in tensors:
        raise ValueError(f"features of {sample['__key__']!r} have no {name!r} in {field}: run `atelier3d features` again")
    return torch.from_numpy(tensors[name]).float()
