"""What a step of training starts from: the latent grids, the encoded control and the prompts of one source.

They are encoded from pictures in the step (`pictures`), or were encoded before by the stage `features` and are read (`features`): the same numbers.
"""

from typing import Any

import torch
from torch import Tensor

from models.diffusion.features import RECORD, Inputs, check_encoder, dropped, stored_latents, stored_prompts
from models.diffusion.pictures import to_pixels
from models.diffusion.prompts import Prompts
from models.diffusion.samples import Decoded, matched_levels, view_levels
from models.realiz3d.conditioning import MAP_NAMES, ControlKind, control_levels, join_control
from models.realiz3d.grid import to_grid
from models.realiz3d.network import Realiz3D


def pictures_of(samples: list[Decoded], word: str, tiles: list[list[int]] | None, inputs: Inputs) -> dict[str, Any]:
    """The views of render samples, or the chosen pictures of matched real ones in their tiles, for a batch.

    `pixels` (B, 4, 3, H, W) in levels; or `latents` (B, 4, C, h, w), `encoder` and, where the features hold text, `prompts` and `nulls`.
    """
    if inputs == "pictures":
        return {"pixels": view_levels(samples, "rgb") if tiles is None else matched_levels(samples, tiles)}
    latents = stored_latents(samples, word, "rgb")
    chosen = latents if tiles is None else torch.stack([own[places] for own, places in zip(latents, tiles)])
    texts = stored_prompts(samples) or ()
    prompts = {name: vars(text) for name, text in zip(("prompts", "nulls"), texts)}
    return {"latents": chosen, "encoder": sorted({sample[RECORD]["encoder"] for sample in samples}), **prompts}


def control_of(samples: list[Decoded], kind: ControlKind, inputs: Inputs) -> dict[str, Any]:
    """The control of render samples for a batch: `control` as `join_control` takes it, or `control_latents`, one (B, 4, C, h, w) for each map."""
    if inputs == "pictures" or kind == "viewpoint":
        return {"control": control_levels(samples, kind)}
    return {"control_latents": [stored_latents(samples, "render", name) for name in MAP_NAMES]}


def clean_latents(network: Realiz3D, part: dict[str, Any]) -> Tensor:
    """The latent grids of a batch of one source, (B, C, 2 h, 2 w). Raises ValueError when the features were made by another VAE."""
    if "pixels" in part:
        return network.encode_views(to_pixels(part["pixels"]))
    check_encoder(part["encoder"], network.base.encoder_id)
    return to_grid(part["latents"])


def encoded_control(network: Realiz3D, part: dict[str, Any]) -> Tensor | None:
    """The control of a batch as `Condition.control` holds it; None where it has none."""
    if "control_latents" in part:
        return torch.cat([to_grid(latents) for latents in part["control_latents"]], dim=1)
    return network.encode_control(join_control(part["control"])) if "control" in part else None


def prompts_of(network: Realiz3D, part: dict[str, Any], texts: list[str]) -> Prompts:
    """The prompts of a batch; an empty text is one that was dropped."""
    if "prompts" not in part:
        return network.base.read(texts)
    return dropped(Prompts(**part["prompts"]), Prompts(**part["nulls"]), texts)
