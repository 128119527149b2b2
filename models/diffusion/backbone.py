"""The diffusion transformer as Realiz3D needs it: its blocks one by one, something added before each, attention within tiles.

`Backbone` is what every kind offers; `PixArtBackbone` is the first, `models/diffusion/joint.py` holds those of SD3 and FLUX.

Letters: B samples, C latent channels, H W latent height and width, T tiles, L tokens of the whole latent, S tokens of the text, D width.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from models.diffusion.prompts import Prompts

PIXELS_PER_LATENT = 8
"""Of every VAE that PixArt was released with: its size conditions are in pixels."""

OUTPUT_PARTS = ("norm_out", "proj_out", "scale_shift_table")
"""What stands behind the blocks of the transformers of diffusers."""


@dataclass(frozen=True)
class ForwardPlan:
    """How one pass through the blocks differs from the plain transformer.

    rows, columns: tiles of the latent; tokens run tile by tile. separate: attention stays inside each tile (SPEC R1, single-image mode).
    positions: `Backbone.positions` of every token, (L, K), in place of those of the whole latent: then each tile counts as a picture.
    added: (B or 1, L, D) added to the patches (controls).
    before_block: (block, tokens (B, L, D)) -> tokens entering it. after_block: told the tokens that leave each block.
    added_time: (B, D) added to the timestep embedding. frozen_blocks: that many first blocks and all embeddings get no gradient.
    """

    rows: int = 1
    columns: int = 1
    separate: bool = False
    positions: Tensor | None = None
    added: Tensor | None = None
    before_block: Callable[[int, Tensor], Tensor] | None = None
    after_block: Callable[[int, Tensor], None] | None = None
    added_time: Tensor | None = None
    frozen_blocks: int = 0

    @property
    def parts(self) -> int:
        """How many parts of the tokens do not see each other."""
        return self.rows * self.columns if self.separate else 1


class Embedded(NamedTuple):
    """What enters the first block: tokens (B, L, D), text (B, S, D), and what modulates every block and the end."""

    tokens: Tensor
    text: Tensor
    condition: Any


class Backbone(nn.Module, ABC):
    """Runs a diffusers transformer block by block; with a plain `ForwardPlan` it computes what the transformer computes."""

    blocks: int
    """How many blocks."""
    width: int
    """D."""
    patch: int
    """Latent side of a token."""
    channels: int
    """C."""
    side: int
    """Latent side of the pictures it was trained on."""
    text_channels: int
    """Width of the text tokens it reads."""
    pooled_channels: int = 0
    """Width of the pooled text it reads; 0 = none."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer
        self.gradient_checkpointing = False

    def forward(self, latents: Tensor, timesteps: Tensor, prompts: Prompts, plan: ForwardPlan = ForwardPlan()) -> Tensor:
        """Predict the noise, or what else the transformer was trained to predict.

        latents: (B, C, H, W). timesteps: (B,) in [0, 1000]. Returns (B, C, H, W); a learned variance, if the network has one, is left out.
        Raises ValueError when the latent does not divide into tiles of whole patches.
        """
        self._check(latents, plan)
        learning = torch.is_grad_enabled()
        with torch.set_grad_enabled(learning and plan.frozen_blocks == 0):
            tokens, text, condition = self._embed(latents, timesteps, prompts, plan)
        for index in range(self.blocks):
            with torch.set_grad_enabled(learning and index >= plan.frozen_blocks):
                tokens = plan.before_block(index, tokens) if plan.before_block else tokens
                tokens, text = self._run(index, Embedded(tokens, text, condition), plan)
            if plan.after_block:
                plan.after_block(index, tokens)
        return self._latent(self._values(tokens, condition), latents, plan)

    @abstractmethod
    def positions(self, height: int, width: int) -> Tensor:
        """Where each token of a latent of height x width patches lies, row by row: (height * width, K)."""

    @property
    def layers(self) -> list[nn.Module]:
        """The blocks, in order."""
        return [*self.transformer.transformer_blocks, *getattr(self.transformer, "single_transformer_blocks", [])]

    def late_parameters(self, first: int) -> list[nn.Parameter]:
        """The weights of the blocks from `first` on and of the output behind them."""
        output = [weight for name, weight in self.transformer.named_parameters() if name.split(".")[0] in OUTPUT_PARTS]
        return [weight for block in self.layers[first:] for weight in block.parameters()] + output

    def patch_tokens(self, embedded: Tensor, plan: ForwardPlan) -> Tensor:
        """Patches (B, D, height, width) to tokens (B, L, D), tile by tile, row by row within each."""
        batch, depth, height, width = embedded.shape
        tiled = embedded.view(batch, depth, plan.rows, height // plan.rows, plan.columns, width // plan.columns)
        return tiled.permute(0, 2, 4, 3, 5, 1).reshape(batch, height * width, depth)

    @abstractmethod
    def _embed(self, latents: Tensor, timesteps: Tensor, prompts: Prompts, plan: ForwardPlan) -> Embedded:
        """What enters the first block."""

    @abstractmethod
    def _block(self, index: int, entering: Embedded, plan: ForwardPlan) -> tuple[Tensor, Tensor]:
        """Tokens and text that leave a block."""

    @abstractmethod
    def _values(self, tokens: Tensor, condition: Any) -> Tensor:
        """What the last tokens say of their patches: (B, L, patch, patch, at least C)."""

    def _run(self, index: int, entering: Embedded, plan: ForwardPlan) -> tuple[Tensor, Tensor]:
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return checkpoint(self._block, index, entering, plan, use_reentrant=False)
        return self._block(index, entering, plan)

    def _check(self, latents: Tensor, plan: ForwardPlan) -> None:
        height, width = latents.shape[-2:]
        if height % (plan.rows * self.patch) or width % (plan.columns * self.patch):
            raise ValueError(f"latent of {height} x {width} does not divide into {plan.rows} x {plan.columns} tiles of patches of {self.patch}")

    def _positions(self, latents: Tensor, plan: ForwardPlan) -> Tensor:
        """Of every token, tile by tile: those of the plan, or those of the whole latent."""
        if plan.positions is not None:
            return plan.positions
        height, width = (side // self.patch for side in latents.shape[-2:])
        return self.patch_tokens(self.positions(height, width).T.reshape(1, -1, height, width), plan)[0]

    def _latent(self, values: Tensor, latents: Tensor, plan: ForwardPlan) -> Tensor:
        rows, columns = (side // self.patch for side in latents.shape[-2:])
        tiled = values.view(len(values), plan.rows, plan.columns, rows // plan.rows, columns // plan.columns, *values.shape[2:])
        latent = tiled.permute(0, 7, 1, 3, 5, 2, 4, 6)  # sample, channel, (tile row, row, y), (tile column, column, x)
        return latent.reshape(len(values), values.shape[-1], *latents.shape[-2:])[:, : self.channels]


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


class PixArtBackbone(Backbone):
    """PixArt-Sigma, PixArt-alpha and our micro base: text by cross-attention, sine positions added to the patches."""

    def __init__(self, transformer: PixArtTransformer2DModel) -> None:
        super().__init__(transformer)
        transformer.set_attn_processor(TileAttention())
        shape: Any = transformer.config
        self.blocks, self.width = len(transformer.transformer_blocks), transformer.inner_dim
        self.patch, self.channels, self.side = shape.patch_size, shape.in_channels, shape.sample_size
        self.text_channels = shape.caption_channels or shape.cross_attention_dim

    def positions(self, height: int, width: int) -> Tensor:
        """The transformer's own position embedding: (height * width, D)."""
        embed = self.transformer.pos_embed
        return _sincos(self.width, height, width, embed.interpolation_scale, embed.base_size, self.transformer.proj_out.weight.device)

    def _embed(self, latents: Tensor, timesteps: Tensor, prompts: Prompts, plan: ForwardPlan) -> Embedded:
        model = self.transformer
        tokens = self.patch_tokens(model.pos_embed.proj(latents), plan) + self._positions(latents, plan)
        tokens = tokens if plan.added is None else tokens + plan.added
        embedded_time = model.adaln_single.emb(timesteps, *self._sizes(latents, plan), batch_size=len(latents), hidden_dtype=tokens.dtype)
        embedded_time = embedded_time if plan.added_time is None else embedded_time + plan.added_time
        time = model.adaln_single.linear(model.adaln_single.silu(embedded_time))
        text = prompts.tokens if model.caption_projection is None else model.caption_projection(prompts.tokens)
        bias = (1 - prompts.mask[:, None].to(tokens.dtype)) * -10000.0
        return Embedded(tokens, text, _Condition(time, embedded_time, bias))

    def _sizes(self, latents: Tensor, plan: ForwardPlan) -> tuple[Tensor | None, Tensor | None]:
        """PixArt-alpha's conditions, height and width in pixels (B, 2) and their ratio (B, 1), of the picture a token believes to lie in."""
        if not self.transformer.use_additional_conditions:
            return None, None
        rows, columns = (1, 1) if plan.positions is None else (plan.rows, plan.columns)
        height, width = (PIXELS_PER_LATENT * side / parts for side, parts in zip(latents.shape[-2:], (rows, columns)))
        return latents.new_tensor([[height, width]]).expand(len(latents), 2), latents.new_tensor([[height / width]]).expand(len(latents), 1)

    def _block(self, index: int, entering: Embedded, plan: ForwardPlan) -> tuple[Tensor, Tensor]:
        tokens, text, condition = entering
        block = self.transformer.transformer_blocks[index]
        return block(tokens, None, text, condition.bias, condition.time, {"tiles": plan.parts}), text

    def _values(self, tokens: Tensor, condition: "_Condition") -> Tensor:
        model = self.transformer
        shift, scale = (model.scale_shift_table[None] + condition.embedded_time[:, None]).chunk(2, dim=1)
        values = model.proj_out(model.norm_out(tokens) * (1 + scale) + shift)
        return values.unflatten(-1, (self.patch, self.patch, model.out_channels))


@dataclass(frozen=True)
class _Condition:
    """time: (B, 6 D) modulation of the blocks. embedded_time: (B, D). bias: (B, 1, S), 0 where a text token counts."""

    time: Tensor
    embedded_time: Tensor
    bias: Tensor


@lru_cache(maxsize=16)
def _sincos(depth: int, height: int, width: int, scale: float, base_size: int, device: torch.device) -> Tensor:
    size: Any = (height, width)
    table: Any = get_2d_sincos_pos_embed(depth, size, interpolation_scale=scale, base_size=base_size, device=device, output_type="pt")
    return table.float()
