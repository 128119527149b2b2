"""The micro image-text embedder: what CLIP, Inception and AlexNet are to the papers' metrics, at the size of the procedural world.

Distances measured with it are published as `clip@micro`, `fid@micro`, `kid@micro` and `lpips@micro`, never under the papers' names.
Letters: N pictures, D embedding, H x W pixels.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from data_specs.strict import Strict
from models.diffusion.pictures import to_levels, to_pixels
from models.diffusion.prompts import HashedWords

CONFIG_NAME, WEIGHTS_NAME = "config.json", "embedder.safetensors"
AT_ONCE = 128
"""Pictures that go through the network at once."""


class EmbedderShape(Strict):
    """Widths of the two towers."""

    side_pixels: int = Field(64, gt=0, description="pictures are scaled to this side")
    channels: tuple[int, ...] = Field((32, 64, 96, 128), min_length=2, description="width of each stage of the picture tower; each halves the side")
    groups: int = Field(8, gt=0, description="groups of the group norms; divides every width")
    width: int = Field(96, gt=0, description="D, the joint space of pictures and texts")
    text_channels: int = Field(64, gt=0)
    text_length: int = Field(24, gt=0, description="words of a text that count")
    text_layers: int = Field(2, gt=0)


class PictureTower(nn.Module):
    """Residual stages of two 3 x 3 convolutions, each at half the side of the one before."""

    def __init__(self, shape: EmbedderShape) -> None:
        super().__init__()
        widths = (3, *shape.channels)
        self.stages = nn.ModuleList(_Stage(before, after, shape.groups) for before, after in zip(widths, shape.channels))

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in [-1, 1] -> the output of every stage, (N, C_k, H / 2^k, W / 2^k)."""
        maps = []
        for stage in self.stages:
            pixels = stage(pixels)
            maps.append(pixels)
        return maps


class _Stage(nn.Module):
    def __init__(self, before: int, after: int, groups: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(before, after, 4, stride=2, padding=1)
        self.norm = nn.GroupNorm(groups, after)
        self.first, self.second = (nn.Conv2d(after, after, 3, padding=1) for _ in range(2))
        self.second_norm = nn.GroupNorm(groups, after)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.norm(self.reduce(x)))
        return x + self.second_norm(self.second(F.silu(self.first(x))))


class Embedder(nn.Module):
    """Pictures and texts into one space; a head that tells photographs from renders keeps the features sensitive to the domain."""

    def __init__(self, shape: EmbedderShape) -> None:
        """Raises ValueError when the groups do not divide a width."""
        super().__init__()
        if any(width % shape.groups for width in shape.channels):
            raise ValueError(f"groups {shape.groups} must divide every width of {shape.channels}")
        self.shape = shape
        self.read = HashedWords(shape.text_channels, shape.text_length)
        self.tower = PictureTower(shape)
        self.picture_head = nn.Linear(shape.channels[-1], shape.width)
        self.domain_head = nn.Linear(shape.channels[-1], 1)
        layer = nn.TransformerEncoderLayer(shape.text_channels, 4, 4 * shape.text_channels, dropout=0.0, activation="gelu", batch_first=True)
        self.text_tower = nn.TransformerEncoder(layer, shape.text_layers, enable_nested_tensor=False)
        self.text_head = nn.Linear(shape.text_channels, shape.width)
        self.log_temperature = nn.Parameter(torch.tensor(np.log(10.0), dtype=torch.float32))

    def embed_pictures(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) in [-1, 1] -> unit embeddings (N, D) and the pooled features before the head (N, C)."""
        pooled = self.tower(self._scaled(pixels))[-1].mean((2, 3))
        return F.normalize(self.picture_head(pooled), dim=-1), pooled

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Unit embeddings (N, D) of N texts."""
        prompts = self.read(texts).to(self.text_head.weight.device)
        tokens = self.text_tower(prompts.tokens, src_key_padding_mask=~prompts.mask)
        mask = prompts.mask[..., None].float()
        return F.normalize(self.text_head((tokens * mask).sum(1) / mask.sum(1)), dim=-1)

    @torch.no_grad()
    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 sRGB on white -> unit embeddings (N, D) float32, to be compared with `texts` by their product."""
        return np.concatenate([self.embed_pictures(part)[0].numpy() for part in self._parts(pictures)])

    @torch.no_grad()
    def features(self, pictures: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 sRGB on white -> pooled features (N, C) float32 of the last stage, for distances between sets of pictures."""
        return np.concatenate([self.embed_pictures(part)[1].numpy() for part in self._parts(pictures)])

    @torch.no_grad()
    def texts(self, texts: list[str]) -> np.ndarray:
        """Unit embeddings (N, D) float32."""
        return self.embed_texts(texts).numpy()

    @torch.no_grad()
    def layers(self, pictures: np.ndarray) -> list[np.ndarray]:
        """(N, H, W, 3) uint8 sRGB -> the output of every stage (N, C_k, H_k, W_k) float32, for a perceptual distance."""
        parts = [self.tower(self._scaled(part)) for part in self._parts(pictures)]
        return [torch.cat(stage).numpy() for stage in zip(*parts)]

    def _scaled(self, pixels: Tensor) -> Tensor:
        side = self.shape.side_pixels
        if pixels.shape[-2:] == (side, side):
            return pixels
        return F.interpolate(pixels, (side, side), mode="area" if pixels.shape[-1] > side else "bilinear")

    def _parts(self, pictures: np.ndarray) -> list[Tensor]:
        return [to_pixels(to_levels(list(pictures[start : start + AT_ONCE]))) for start in range(0, len(pictures), AT_ONCE)]


def save_embedder(embedder: Embedder, folder: Path) -> None:
    """Write `config.json` and `embedder.safetensors`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_NAME).write_text(json.dumps({"embedder": embedder.shape.model_dump(mode="json")}, indent=1, sort_keys=True) + "\n")
    save_file({name: weight.contiguous() for name, weight in embedder.state_dict().items()}, folder / WEIGHTS_NAME)


def load_embedder(folder: Path) -> Embedder:
    """Read what `save_embedder` wrote, on the CPU, ready to use. Raises ValueError naming the file that is missing or wrong."""
    try:
        shape = EmbedderShape.model_validate(json.loads((folder / CONFIG_NAME).read_text())["embedder"])
        embedder = Embedder(shape)
        embedder.load_state_dict({name: weight.float() for name, weight in load_file(folder / WEIGHTS_NAME).items()})
    except (OSError, KeyError, ValidationError, SafetensorError, RuntimeError, ValueError) as error:
        raise ValueError(f"{folder} does not hold a micro embedder ({error})") from None
    return embedder.requires_grad_(False).eval()
