"""The transformers of SD3 and FLUX block by block: text and picture in one attention, modulated by time and a pooled text.

The text changes from block to block and depends on the picture. So where tiles are to be alone, each has a text stream of its own: tiles go through
the blocks as samples of a larger batch.

Letters: B samples, T tiles that do not see each other, L tokens of a sample, S tokens of its text, D width, d width of an attention head.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from torch import Tensor, nn

from models.diffusion.backbone import Backbone, Embedded, ForwardPlan
from models.diffusion.prompts import Prompts

FLUX_SIDE = 128
"""Latent side of FLUX's 1024-pixel pictures; its config does not say it."""

DISTILLED_GUIDANCE = 1.0
"""What FLUX.1-dev is told its guidance scale is: 1, the unguided model, since guidance is done by two passes here (SPEC R8)."""


@dataclass(frozen=True)
class _Condition:
    """time: (B, D), and once for every tile, (B T, D). rotary: FLUX's cosines and sines, (T, S + L / T, d) each."""

    time: Tensor
    tile_time: Tensor
    rotary: tuple[Tensor, Tensor] | None


class JointBackbone(Backbone):
    """What the two have in common."""

    def __init__(self, transformer: SD3Transformer2DModel | FluxTransformer2DModel) -> None:
        super().__init__(transformer)
        shape: Any = transformer.config
        self.width = transformer.inner_dim
        self.text_channels, self.pooled_channels = shape.joint_attention_dim, shape.pooled_projection_dim

    def _text(self, prompts: Prompts, plan: ForwardPlan) -> Tensor:
        """Every token counts, the padding too: so these bases were trained."""
        return self.transformer.context_embedder(prompts.tokens).repeat_interleave(plan.parts, dim=0)

    def _time(self, timesteps: Tensor, prompts: Prompts, plan: ForwardPlan, *guidance: Tensor) -> Tensor:
        if prompts.pooled is None:
            raise ValueError(f"{type(self).__name__} reads a pooled text beside the tokens, and these prompts have none")
        time = self.transformer.time_text_embed(timesteps.float(), *guidance, prompts.pooled)
        return time if plan.added_time is None else time + plan.added_time

    def _apart(self, module: nn.Module, entering: Embedded, plan: ForwardPlan, *more: Any) -> tuple[Tensor, Tensor]:
        """Run a block on tokens (B, L, D) and text (B T, S, D), each tile with its text."""
        tiles = entering.tokens.unflatten(1, (plan.parts, -1)).flatten(0, 1)
        text, tiles = module(tiles, entering.text, entering.condition.tile_time, *more)
        return tiles.unflatten(0, (-1, plan.parts)).flatten(1, 2), text


class SD3Backbone(JointBackbone):
    """Stable Diffusion 3 and 3.5: sine positions added to the patches, cut from the middle of a large table."""

    def __init__(self, transformer: SD3Transformer2DModel) -> None:
        super().__init__(transformer)
        shape: Any = transformer.config
        self.blocks = len(transformer.transformer_blocks)
        self.patch, self.channels, self.side = shape.patch_size, shape.in_channels, shape.sample_size

    def positions(self, height: int, width: int) -> Tensor:
        """The middle of the transformer's own table: (height * width, D). Raises ValueError for more patches than it has."""
        return self.transformer.pos_embed.cropped_pos_embed(height * self.patch, width * self.patch)[0]

    def _embed(self, latents: Tensor, timesteps: Tensor, prompts: Prompts, plan: ForwardPlan) -> Embedded:
        tokens = self.patch_tokens(self.transformer.pos_embed.proj(latents), plan) + self._positions(latents, plan)
        tokens = tokens if plan.added is None else tokens + plan.added
        time = self._time(timesteps, prompts, plan)
        return Embedded(tokens, self._text(prompts, plan), _Condition(time, time.repeat_interleave(plan.parts, dim=0), None))

    def _block(self, index: int, entering: Embedded, plan: ForwardPlan) -> tuple[Tensor, Tensor]:
        return self._apart(self.transformer.transformer_blocks[index], entering, plan)

    def _values(self, tokens: Tensor, condition: _Condition) -> Tensor:
        values = self.transformer.proj_out(self.transformer.norm_out(tokens, condition.time))
        return values.unflatten(-1, (self.patch, self.patch, -1))


class FluxBackbone(JointBackbone):
    """FLUX.1: blocks with two streams, then blocks with one; rotary positions, so that `positions` are rows and columns."""

    def __init__(self, transformer: FluxTransformer2DModel, guidance: float = DISTILLED_GUIDANCE) -> None:
        """guidance: told to a guidance-distilled transformer; the others have no input for it."""
        super().__init__(transformer)
        transformer.set_attn_processor(RotaryAttention())  # type: ignore[arg-type]
        self.guidance = guidance
        self.blocks = len(transformer.transformer_blocks) + len(transformer.single_transformer_blocks)
        self.patch, self.side = 2, FLUX_SIDE
        self.channels = transformer.config.in_channels // self.patch**2  # type: ignore[attr-defined]

    def positions(self, height: int, width: int) -> Tensor:
        """Ids of the tokens, 0, row and column: (height * width, 3)."""
        device = self.transformer.proj_out.weight.device
        rows, columns = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
        return torch.stack([torch.zeros_like(rows), rows, columns], dim=-1).flatten(0, 1).float()

    def _embed(self, latents: Tensor, timesteps: Tensor, prompts: Prompts, plan: ForwardPlan) -> Embedded:
        model = self.transformer
        tokens = model.x_embedder(self.patch_tokens(F.pixel_unshuffle(latents, self.patch), plan))
        tokens = tokens if plan.added is None else tokens + plan.added
        guidance = [1000 * self.guidance * torch.ones_like(timesteps, dtype=torch.float32)] if model.config.guidance_embeds else []
        time = self._time(timesteps, prompts, plan, *guidance)
        rotary = self._rotary(self._positions(latents, plan), prompts.tokens.shape[1], plan)
        return Embedded(tokens, self._text(prompts, plan), _Condition(time, time.repeat_interleave(plan.parts, dim=0), rotary))

    def _rotary(self, positions: Tensor, words: int, plan: ForwardPlan) -> tuple[Tensor, Tensor]:
        """Cosines and sines of every tile, its text at 0 before it."""
        tables = self.transformer.pos_embed(torch.cat([positions.new_zeros(words, 3), positions]))
        text, picture = zip(*(table.split([words, len(positions)]) for table in tables))
        tiles = [part.unflatten(0, (plan.parts, -1)) for part in picture]
        cosines, sines = (torch.cat([part.expand(plan.parts, -1, -1), tile], dim=1) for part, tile in zip(text, tiles))
        return cosines, sines

    def _block(self, index: int, entering: Embedded, plan: ForwardPlan) -> tuple[Tensor, Tensor]:
        double, single = self.transformer.transformer_blocks, self.transformer.single_transformer_blocks
        block = double[index] if index < len(double) else single[index - len(double)]
        return self._apart(block, entering, plan, entering.condition.rotary)

    def _values(self, tokens: Tensor, condition: _Condition) -> Tensor:
        values = self.transformer.proj_out(self.transformer.norm_out(tokens, condition.time))
        return values.unflatten(-1, (-1, self.patch, self.patch)).movedim(2, -1)


class RotaryAttention:
    """FLUX's attention with rotary positions that may differ from tile to tile; otherwise diffusers' `FluxAttnProcessor`."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B T, L, D), and in the blocks with two streams text (B T, S, D), through one attention; the same back."""
        assert attention_mask is None and image_rotary_emb is not None
        query, key, value = (part(hidden_states).unflatten(-1, (attn.heads, -1)) for part in (attn.to_q, attn.to_k, attn.to_v))
        query, key = attn.norm_q(query), attn.norm_k(key)
        if encoder_hidden_states is not None:
            added = (part(encoder_hidden_states).unflatten(-1, (attn.heads, -1)) for part in (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj))
            text_query, text_key, text_value = added
            query = torch.cat([attn.norm_added_q(text_query), query], dim=1)
            key = torch.cat([attn.norm_added_k(text_key), key], dim=1)
            value = torch.cat([text_value, value], dim=1)
        query, key = (_turned(part, *image_rotary_emb) for part in (query, key))
        mixed = F.scaled_dot_product_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
        mixed = mixed.transpose(1, 2).flatten(2)
        if encoder_hidden_states is None:
            return mixed
        text, tokens = mixed.split([encoder_hidden_states.shape[1], hidden_states.shape[1]], dim=1)
        return attn.to_out[1](attn.to_out[0](tokens)), attn.to_add_out(text)


def _turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Turn pairs of channels of x (B T, L, heads, d) by the angles of their tile, (T, L, d)."""
    tiles = x.float().unflatten(0, (-1, len(cosines)))
    first, second = tiles.unflatten(-1, (-1, 2)).unbind(-1)
    across = torch.stack([-second, first], dim=-1).flatten(-2)
    return (tiles * cosines[:, :, None] + across * sines[:, :, None]).flatten(0, 1).to(x.dtype)
