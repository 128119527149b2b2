"""The text encoders of full-size bases, frozen: T5 alone (PixArt), T5 and CLIP (FLUX), T5 and two CLIPs (SD3).

Each encodes as the diffusers pipeline it comes from does. Parts of a pipeline are named as in its `model_index.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.diffusion.prompts import Prompts

CLIP_LENGTH = 77


@dataclass(frozen=True)
class Reader:
    """A tokenizer and the encoder it belongs to. length: tokens per text, padding included."""

    tokenizer: Any
    encoder: Any
    length: int

    def tokens(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Ids and mask of B texts, (B, length) int64 each, on the encoder's device."""
        read = self.tokenizer(texts, padding="max_length", max_length=self.length, truncation=True, return_tensors="pt").to(self.encoder.device)
        return read.input_ids, read.attention_mask


class FrozenEncoders(nn.Module):
    """Encoders that never train and stay in evaluation mode, whatever mode the model around them is in: T5 has dropout."""

    def __init__(self, *encoders: nn.Module | None) -> None:
        super().__init__()
        self.encoders = nn.ModuleList([encoder for encoder in encoders if encoder is not None]).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "FrozenEncoders":
        """Stay in evaluation mode."""
        return super().train(False)


class T5Prompts(FrozenEncoders):
    """PixArt's: tokens of T5; padding does not count."""

    pooled_channels = 0

    def __init__(self, parts: Mapping[str, Any], length: int) -> None:
        """parts: tokenizer, text_encoder."""
        super().__init__(parts["text_encoder"])
        self.reader = Reader(parts["tokenizer"], parts["text_encoder"], length)
        self.channels: int = self.reader.encoder.config.d_model

    @torch.no_grad()
    def forward(self, texts: list[str]) -> Prompts:
        """Encode B texts."""
        ids, mask = self.reader.tokens(texts)
        return Prompts(self.reader.encoder(ids, attention_mask=mask)[0].float(), mask.bool())


class FluxPrompts(FrozenEncoders):
    """FLUX's: tokens of T5, padding among them, and CLIP's vector for the whole text."""

    def __init__(self, parts: Mapping[str, Any], length: int) -> None:
        """parts: tokenizer, text_encoder (CLIP); tokenizer_2, text_encoder_2 (T5)."""
        super().__init__(parts["text_encoder"], parts["text_encoder_2"])
        self.clip = Reader(parts["tokenizer"], parts["text_encoder"], CLIP_LENGTH)
        self.t5 = Reader(parts["tokenizer_2"], parts["text_encoder_2"], length)
        self.channels: int = self.t5.encoder.config.d_model
        self.pooled_channels: int = self.clip.encoder.config.hidden_size

    @torch.no_grad()
    def forward(self, texts: list[str]) -> Prompts:
        """Encode B texts."""
        tokens = self.t5.encoder(self.t5.tokens(texts)[0])[0].float()
        return Prompts(tokens, _all(tokens), self.clip.encoder(self.clip.tokens(texts)[0]).pooler_output.float())


class SD3Prompts(FrozenEncoders):
    """SD3's: tokens of two CLIPs side by side, then those of T5; the vectors of both CLIPs for the whole text.

    The pipeline may come without T5, by far the largest part: its tokens are zeros then.
    """

    def __init__(self, parts: Mapping[str, Any], length: int, channels: int) -> None:
        """parts: tokenizer, text_encoder, tokenizer_2, text_encoder_2 (CLIP); tokenizer_3, text_encoder_3 (T5, may be missing).

        channels: width of T5's tokens.
        """
        super().__init__(parts["text_encoder"], parts["text_encoder_2"], parts.get("text_encoder_3"))
        self.clips = [Reader(parts[f"tokenizer{n}"], parts[f"text_encoder{n}"], CLIP_LENGTH) for n in ("", "_2")]
        self.t5 = Reader(parts["tokenizer_3"], parts["text_encoder_3"], length) if parts.get("text_encoder_3") is not None else None
        self.length, self.channels = length, channels
        self.pooled_channels: int = sum(clip.encoder.config.projection_dim for clip in self.clips)

    @torch.no_grad()
    def forward(self, texts: list[str]) -> Prompts:
        """Encode B texts."""
        read = [clip.encoder(clip.tokens(texts)[0], output_hidden_states=True) for clip in self.clips]
        clips = torch.cat([output.hidden_states[-2] for output in read], dim=-1).float()
        clips = F.pad(clips, (0, self.channels - clips.shape[-1]))
        t5 = clips.new_zeros(len(texts), self.length, self.channels) if self.t5 is None else self.t5.encoder(self.t5.tokens(texts)[0])[0].float()
        tokens = torch.cat([clips, t5], dim=1)
        return Prompts(tokens, _all(tokens), torch.cat([output.text_embeds for output in read], dim=-1).float())


def _all(tokens: Tensor) -> Tensor:
    return torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
