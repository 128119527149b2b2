"""The diffusion transformer as Realiz3D needs it: its blocks one by one, something added before each, attention within tiles.

A second backbone (rectified flow) offers the same: `blocks`, `width`, `patch`, `channels`, and `forward` with a `ForwardPlan`.

Letters: B samples, C latent channels, H W latent height and width, T tiles, L tokens of the whole latent, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from models.diffusion.prompts import Prompts


@dataclass(frozen=True)
class ForwardPlan:
    """How one pass through the blocks differs from the plain transformer.

    rows, columns: tiles of the latent; tokens run tile by tile. separate: attention stays inside each tile (SPEC R1, single-image mode).
    positions: (L, D) added to the patches in place of those of the whole latent. added: (B or 1, L, D) added to the patches (controls).
    before_block: (block, tokens (B, L, D)) -> tokens entering it. frozen_blocks: that many first blocks and all embeddings get no gradient.
    """

    rows: int = 1
    columns: int = 1
    separate: bool = False
    positions: Tensor | None = None
    added: Tensor | None = None
    before_block: Callable[[int, Tensor], Tensor] | None = None
    frozen_blocks: int = 0


class TileAttention(AttnProcessor2_0):
    """Scaled dot-product attention; self-attention stays within each of `tiles` equal runs of tokens, at the cost of the tiles alone."""

    def __call__(  # type: ignore[override]
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        tiles: int = 1,
    ) -> Tensor:
        if encoder_hidden_states is not None or tiles == 1:
            return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask)  # type: ignore[arg-type]
        batch, length, width = hidden_states.shape
        apart = super().__call__(attn, hidden_states.view(batch * tiles, length // tiles, width))  # type: ignore[arg-type]
        return apart.view(batch, length, width)


class PixArtBackbone(nn.Module):
    """Runs diffusers' PixArt transformer block by block; with a plain `ForwardPlan` it computes what the transformer computes."""

    def __init__(self, transformer: PixArtTransformer2DModel) -> None:
        """Raises ValueError for PixArt-alpha's resolution conditioning, which has no meaning for a grid of views."""
        super().__init__()
        if transformer.use_additional_conditions:
            raise ValueError("a transformer with use_additional_conditions cannot be the backbone: use PixArt-Sigma, or turn it off")
        self.transformer = transformer
        self.gradient_checkpointing = False
        transformer.set_attn_processor(TileAttention())
        shape: Any = transformer.config
        self.blocks = len(transformer.transformer_blocks)
        self.width: int = transformer.inner_dim
        self.patch: int = shape.patch_size
        self.channels: int = shape.in_channels

    def forward(self, latents: Tensor, timesteps: Tensor, prompts: Prompts, plan: ForwardPlan = ForwardPlan()) -> Tensor:
        """Predict the noise, or what else the transformer was trained to predict.

        latents: (B, C, H, W). timesteps: (B,) int64 in 0..999. Returns (B, C, H, W); a learned variance, if the network has one, is left out.
        Raises ValueError when the latent does not divide into tiles of whole patches.
        """
        height, width = self._patches(latents, plan)
        learning = torch.is_grad_enabled()
        with torch.set_grad_enabled(learning and plan.frozen_blocks == 0):
            tokens, condition = self._embed(latents, timesteps, prompts, plan)
        for index in range(self.blocks):
            with torch.set_grad_enabled(learning and index >= plan.frozen_blocks):
                tokens = plan.before_block(index, tokens) if plan.before_block else tokens
                tokens = self._block(index, tokens, condition, plan)
        return self._noise(tokens, condition.embedded_time, (height, width), plan)

    def positions(self, height: int, width: int) -> Tensor:
        """The transformer's own position embedding of a latent of height x width patches, row by row: (height * width, D)."""
        embed = self.transformer.pos_embed
        return _sincos(self.width, height, width, embed.interpolation_scale, embed.base_size, self.transformer.proj_out.weight.device)

    def patch_tokens(self, embedded: Tensor, plan: ForwardPlan) -> Tensor:
        """Patches (B, D, height, width) to tokens (B, L, D), tile by tile, row by row within each."""
        batch, depth, height, width = embedded.shape
        tiled = embedded.view(batch, depth, plan.rows, height // plan.rows, plan.columns, width // plan.columns)
        return tiled.permute(0, 2, 4, 3, 5, 1).reshape(batch, height * width, depth)

    def _patches(self, latents: Tensor, plan: ForwardPlan) -> tuple[int, int]:
        height, width = latents.shape[-2:]
        if height % (plan.rows * self.patch) or width % (plan.columns * self.patch):
            raise ValueError(f"latent of {height} x {width} does not divide into {plan.rows} x {plan.columns} tiles of patches of {self.patch}")
        return height // self.patch, width // self.patch

    def _embed(self, latents: Tensor, timesteps: Tensor, prompts: Prompts, plan: ForwardPlan) -> tuple[Tensor, "_Condition"]:
        model = self.transformer
        patches = model.pos_embed.proj(latents)
        positions = plan.positions
        if positions is None:
            height, width = patches.shape[-2:]
            table = self.positions(height, width).T.reshape(1, self.width, height, width)
            positions = self.patch_tokens(table, plan)[0]
        tokens = self.patch_tokens(patches, plan) + positions
        tokens = tokens if plan.added is None else tokens + plan.added
        time, embedded_time = model.adaln_single(timesteps, None, batch_size=len(latents), hidden_dtype=tokens.dtype)
        text = prompts.tokens if model.caption_projection is None else model.caption_projection(prompts.tokens)
        bias = (1 - prompts.mask[:, None].to(tokens.dtype)) * -10000.0
        return tokens, _Condition(time, embedded_time, text, bias)

    def _block(self, index: int, tokens: Tensor, condition: "_Condition", plan: ForwardPlan) -> Tensor:
        block = self.transformer.transformer_blocks[index]
        tiles = {"tiles": plan.rows * plan.columns if plan.separate else 1}
        arguments = (tokens, None, condition.text, condition.bias, condition.time, tiles)
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return checkpoint(block, *arguments, use_reentrant=False)
        return block(*arguments)

    def _noise(self, tokens: Tensor, embedded_time: Tensor, patches: tuple[int, int], plan: ForwardPlan) -> Tensor:
        model = self.transformer
        shift, scale = (model.scale_shift_table[None] + embedded_time[:, None]).chunk(2, dim=1)
        values = model.proj_out(model.norm_out(tokens) * (1 + scale) + shift)
        height, width = patches[0] // plan.rows, patches[1] // plan.columns
        tiled = values.view(len(tokens), plan.rows, plan.columns, height, width, self.patch, self.patch, model.out_channels)
        latent = tiled.permute(0, 7, 1, 3, 5, 2, 4, 6)  # sample, channel, (tile row, row, y), (tile column, column, x)
        return latent.reshape(len(tokens), model.out_channels, patches[0] * self.patch, patches[1] * self.patch)[:, : self.channels]


@dataclass(frozen=True)
class _Condition:
    """time: (B, 6 D) modulation of the blocks. embedded_time: (B, D). text: (B, S, D). bias: (B, 1, S), 0 where a text token counts."""

    time: Tensor
    embedded_time: Tensor
    text: Tensor
    bias: Tensor


@lru_cache(maxsize=16)
def _sincos(depth: int, height: int, width: int, scale: float, base_size: int, device: torch.device) -> Tensor:
    size: Any = (height, width)
    table: Any = get_2d_sincos_pos_embed(depth, size, interpolation_scale=scale, base_size=base_size, device=device, output_type="pt")
    return table.float()
