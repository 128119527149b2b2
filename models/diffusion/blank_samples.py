"""Decoded samples with nothing on them, as large as the parameters say: what recipes collate when a step is to be counted, not done."""

import numpy as np

from data_specs.camera import CameraRecord
from data_specs.conventions import DOMAINS
from data_specs.matched_real import VIEW_WORDS
from data_specs.view import ORTHOGONAL_NAMES
from models.diffusion.features import ENCODED_MAPS, LATENTS, RECORD, TEXT
from models.diffusion.latents import factor
from models.diffusion.samples import MATCHED_RECORD, VIEWS_RECORD, Decoded
from models.diffusion.text_to_image import TextToImage
from models.geometry.camera_math import view_plan

CAPTION_TOKENS = 24
"""Of a caption in the features: more than most have."""

CAPTION = "a thing"


def blank_sample(word: str, side: int) -> Decoded:
    """A sample of `render` or `matched_real` with pictures of side x side pixels."""
    return _render(side) if word == "render" else _matched(side)


def blank_features(word: str, side: int, base: TextToImage) -> Decoded:
    """What the features hold of such a sample, in the shapes of a base."""
    tokens: dict[str, np.ndarray] = {name: np.zeros((CAPTION_TOKENS, base.prompts.channels), np.float32) for name in ("caption", "null")}
    if base.prompts.pooled_channels:
        tokens |= {f"{name}_pooled": np.zeros(base.prompts.pooled_channels, np.float32) for name in ("caption", "null")}
    small = side // factor(base.vae)
    latents = {name: np.zeros((len(ORTHOGONAL_NAMES), base.backbone.channels, small, small), np.float32) for name in ENCODED_MAPS}
    records = {field: value for field, value in blank_sample(word, 1).items() if not field.endswith(".png")}
    return {**records, LATENTS[word]: latents, TEXT: tokens, RECORD: {"encoder": base.encoder_id, "precision": "fp32"}}


def _render(side: int) -> Decoded:
    maps = {"rgb": np.zeros((side, side, 4), np.uint8), "normal": np.zeros((side, side, 3), np.uint8)}
    maps |= {"position": np.zeros((side, side, 3), np.uint16), "depth": np.zeros((side, side), np.uint16)}
    views = [
        {"name": name, "camera": CameraRecord.from_camera(camera).model_dump(), "members": {kind: f"{name}.{kind}.png" for kind in maps}}
        for name, camera in view_plan("orthogonal4", side, 0)
    ]
    pictures = {f"{name}.{kind}.png": pixels for name in ORTHOGONAL_NAMES for kind, pixels in maps.items()}
    return {"__key__": "blank", VIEWS_RECORD: {"caption": CAPTION, "domain": DOMAINS[0], "views": views}, **pictures}


def _matched(side: int) -> Decoded:
    pictures = {f"view{index}.rgb.png": np.zeros((side, side, 4), np.uint8) for index in range(len(VIEW_WORDS))}
    return {"__key__": "blank", MATCHED_RECORD: {"caption": CAPTION, "view_words": list(VIEW_WORDS), "members": list(pictures)}, **pictures}
