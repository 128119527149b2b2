"""micro_embedder: pictures and captions of both domains into one space (the contrastive loss of CLIP), and which domain a picture is of."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from data_specs.strict import Strict
from models.diffusion.pictures import sheet, to_pixels, to_uint8
from models.diffusion.samples import MATCHED_MEMBERS, RGB_MEMBERS, Decoded, caption_of, matched_count, matched_levels, pick, view_levels
from models.micro.embedder import Embedder, EmbedderShape, save_embedder
from models.micro.vae_recipe import seeded
from models.recipe import Batch, Source, StepRandom

PICTURE_SAMPLES = 8
HIGHEST_TEMPERATURE = 50.0


class EmbedderConfig(Strict):
    """Settings of micro_embedder."""

    shape: EmbedderShape = EmbedderShape.model_validate({})
    domain_weight: float = Field(0.3, ge=0, description="weight of telling photographs from renders")
    largest_crop: float = Field(0.15, ge=0, lt=0.5, description="a picture is shifted by at most this share of its side")


@dataclass(frozen=True)
class EmbedderRecipe:
    """One picture of each sample. The other captions of a part of the batch are the wrong answers, so a part should not be small."""

    config: EmbedderConfig
    name: ClassVar[str] = "micro_embedder"
    Config: ClassVar[type[EmbedderConfig]] = EmbedderConfig
    sources: ClassVar[tuple[Source, ...]] = (Source("render", 0.5, RGB_MEMBERS), Source("matched_real", 0.5, MATCHED_MEMBERS))

    def build(self, parents: dict[str, Path]) -> Embedder:
        """Random towers, the same each time; it has no parents."""
        with seeded(self.name):
            return Embedder(self.config.shape)

    def collate(self, samples: dict[str, list[Decoded]], rng: StepRandom) -> Batch:
        """`pixels` (B, 3, H, W) uint8 on white, shifted and mirrored at random; `captions`; `photographic` (B,) float32, 0 or 1."""
        renders, matched = samples.get("render", []), samples.get("matched_real", [])
        levels = [self._moved(view_levels([s], "rgb")[0, rng.sample(k, "view").integers(4)], rng.sample(k, "move")) for k, s in enumerate(renders)]
        for k, sample in enumerate(matched, len(renders)):
            place = pick(1, matched_count(sample), rng.sample(k, "view"))
            levels.append(self._moved(matched_levels([sample], [place])[0, 0], rng.sample(k, "move")))
        return {
            "pixels": torch.stack(levels),
            "captions": [caption_of(sample) for sample in (*renders, *matched)],
            "photographic": torch.tensor([0.0] * len(renders) + [1.0] * len(matched)),
        }

    def loss(self, network: nn.Module, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy from picture to caption and back, and of the domain."""
        assert isinstance(network, Embedder)
        pictures, pooled = network.embed_pictures(to_pixels(batch["pixels"]))
        scores = pictures @ network.embed_texts(batch["captions"]).T * network.log_temperature.exp().clamp(max=HIGHEST_TEMPERATURE)
        matches = same_captions(batch["captions"]).to(scores)
        parts = {
            "picture_to_text": F.cross_entropy(scores, matches),
            "text_to_picture": F.cross_entropy(scores.T, matches),
            "domain": F.binary_cross_entropy_with_logits(network.domain_head(pooled)[:, 0], batch["photographic"]),
        }
        return (parts["picture_to_text"] + parts["text_to_picture"]) / 2 + self.config.domain_weight * parts["domain"], parts

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """Pictures above those of the batch whose captions the embedder takes for theirs."""
        assert isinstance(network, Embedder)
        pixels = to_pixels(batch["pixels"])
        chosen = (network.embed_pictures(pixels)[0] @ network.embed_texts(batch["captions"]).T).argmax(dim=1)
        return sheet([to_uint8(pixels[:PICTURE_SAMPLES]), to_uint8(pixels[chosen[:PICTURE_SAMPLES]])])

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write the folder that `load_embedder` reads."""
        assert isinstance(network, Embedder)
        save_embedder(network, folder)

    def _moved(self, levels: Tensor, rng: np.random.Generator) -> Tensor:
        """(3, H, W) shifted by whole pixels, the border repeated, and mirrored half of the time."""
        reach = int(self.config.largest_crop * levels.shape[-1])
        down, right = rng.integers(0, 2 * reach + 1, 2)
        framed = F.pad(levels[None].float(), (reach,) * 4, mode="replicate")[0]
        moved = framed[:, down : down + levels.shape[-2], right : right + levels.shape[-1]].to(levels.dtype)
        return moved.flip(-1) if rng.random() < 0.5 else moved


def same_captions(captions: list[str]) -> Tensor:
    """(B, B) float32: which captions say the same, each row summing to 1, so that none of them counts as a wrong answer."""
    numbers = {caption: number for number, caption in enumerate(dict.fromkeys(captions))}
    codes = torch.tensor([numbers[caption] for caption in captions])
    same = (codes[:, None] == codes[None]).float()
    return same / same.sum(dim=1, keepdim=True)
