"""GroundingDINO (Liu et al. 2024, package groundingdino-py) as a detector: a phrase to boxes."""

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import models.torchvision_ops  # noqa: F401
from data_specs.align_params import DetectorParams
from data_specs.ids import content_id, sha256_bytes
from models.perception.base import Box, Picture
from models.perception.weights import MissingWeights, checked_file, load_tensors, needs_package

SHORT_SIDE, LONG_SIDE = 800, 1333
"""The published pre-processing: the shorter side 800 pixels, unless the longer one passes 1333."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PUBLISHED_FILE = "groundingdino_swint_ogc.pth"
TEXT_FILES = ("config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
BATCH = 4


class GroundingDino:
    """`Detector` by a loaded network.

    model: `groundingdino.models.GroundingDINO` in eval mode. min_score: boxes below are left out. short_side: of the network's input in pixels.
    """

    def __init__(self, model: Any, min_score: float, short_side: int = SHORT_SIDE) -> None:
        self._model, self._min_score, self._short_side = model, min_score, short_side

    @staticmethod
    def open(params: DetectorParams, settings: dict[str, Any] | None = None) -> "GroundingDino":
        """Build the Swin-T model and load its weights. settings: overrides of its configuration.

        Raises MissingWeights when the package, the weights or the text encoder are not here, ValueError for weights of another network.
        """
        file = checked_file(params.weights, params.sha256, PUBLISHED_FILE, "align.detector.weights")
        model = build_network(params.text_encoder, settings or {})
        tensors = {name.removeprefix("module."): value for name, value in load_tensors(file).items()}
        missing = model.load_state_dict(tensors, strict=False).missing_keys
        if missing:
            raise ValueError(f"{file} lacks {len(missing)} tensors of this GroundingDINO, {missing[0]} first: it belongs to another network")
        return GroundingDino(model.to(params.device).eval(), params.min_score)

    @torch.inference_mode()
    def detect(self, pictures: list[Picture], phrases: list[str]) -> list[list[Box]]:
        """Boxes whose best word reaches the least score, best first."""
        found: list[list[Box]] = []
        for start in range(0, len(pictures), BATCH):
            found += self._detect(pictures[start : start + BATCH], phrases[start : start + BATCH])
        return found

    def _detect(self, pictures: list[Picture], phrases: list[str]) -> list[list[Box]]:
        from groundingdino.util.misc import nested_tensor_from_tensor_list

        device = next(self._model.parameters()).device
        images = nested_tensor_from_tensor_list([network_input(picture.rgb, self._short_side).to(device) for picture in pictures])
        answer = self._model(images, captions=[caption(phrase) for phrase in phrases])
        scores = answer["pred_logits"].float().sigmoid().amax(dim=-1).cpu().numpy()
        boxes = answer["pred_boxes"].float().cpu().numpy()
        return [self._boxes(*row) for row in zip(pictures, phrases, scores, boxes, strict=True)]

    def _boxes(self, picture: Picture, phrase: str, scores: np.ndarray, boxes: np.ndarray) -> list[Box]:
        height, width = picture.size
        order = [index for index in np.argsort(-scores, kind="stable") if scores[index] >= self._min_score]
        found = []
        for index in order:
            middle, half = boxes[index, :2], boxes[index, 2:] / 2
            left, top, right, bottom = np.clip([*(middle - half), *(middle + half)], 0.0, 1.0) * [width, height, width, height]
            found.append(Box(float(left), float(top), float(right), float(bottom), float(scores[index]), phrase))
        return found


def build_network(text_encoder: str, settings: dict[str, Any]) -> Any:
    """A GroundingDINO of the package's Swin-T configuration with random weights.

    text_encoder: folder or hub id of a BERT. settings: overrides of the configuration. Raises MissingWeights.
    """
    try:
        import groundingdino.config
        from groundingdino.models import build_model
        from groundingdino.util.slconfig import SLConfig
    except ImportError as error:
        raise MissingWeights(f"{needs_package('groundingdino-py')} ({error})") from None
    config = SLConfig.fromfile(str(Path(groundingdino.config.__path__[0]) / "GroundingDINO_SwinT_OGC.py"))
    config.device = "cpu"
    inference = {"use_checkpoint": False, "use_transformer_ckpt": False}
    for name, value in {"text_encoder_type": text_encoder, **inference, **settings}.items():
        setattr(config, name, value)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the package prints
            return build_model(config)
    except (OSError, ValueError) as error:
        raise MissingWeights(_no_text_encoder(text_encoder, str(error))) from None


def text_encoder_digest(text_encoder: str) -> str:
    """Hash of what a text encoder brings along: how words become numbers, and its shape. Its weights come with the detector's own.

    text_encoder: folder or hub id of a BERT. Raises MissingWeights when it is not on this machine.
    """
    from huggingface_hub import try_to_load_from_cache

    cached = {name: Path(text_encoder) / name if Path(text_encoder).is_dir() else try_to_load_from_cache(text_encoder, name) for name in TEXT_FILES}
    found = {name: Path(path) for name, path in cached.items() if isinstance(path, str | Path) and Path(path).is_file()}
    if "config.json" not in found:
        raise MissingWeights(_no_text_encoder(text_encoder, "it is neither a folder with a config.json nor in the hub's cache"))
    return content_id({name: sha256_bytes(path.read_bytes()) for name, path in found.items()})


def caption(phrase: str) -> str:
    """A phrase as the network was trained to read it: lower case, one sentence."""
    return " ".join(phrase.lower().replace(".", " ").split()) + "."


def network_input(rgb: np.ndarray, short_side: int) -> torch.Tensor:
    """A picture as the network takes it, (3, h, w) float32; rgb: (H, W, 3) uint8."""
    height, width = rgb.shape[:2]
    short, long = min(height, width), max(height, width)
    longest = short_side * LONG_SIDE / SHORT_SIDE
    side = short_side if long / short * short_side <= longest else round(longest * short / long)
    size = (side, int(side * height / width)) if width < height else (int(side * width / height), side)
    small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR), np.float32) / 255.0
    return torch.from_numpy(((small - MEAN) / DEVIATION).astype(np.float32)).permute(2, 0, 1)


def _no_text_encoder(text_encoder: str, reason: str) -> str:
    return (
        f"GroundingDINO needs the BERT tokenizer and weights {text_encoder!r} (440 MB, Apache-2.0): put them on this machine with "
        f"`huggingface-cli download bert-base-uncased` or set align.detector.text_encoder to their folder ({reason})"
    )
