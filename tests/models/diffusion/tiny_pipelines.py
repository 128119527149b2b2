"""Random diffusers pipelines of the real classes, small enough to train in a test, with tokenizers made on the fly."""

import json
import string
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer, T5Config, T5EncoderModel, T5TokenizerFast
from transformers.models.clip.tokenization_clip import bytes_to_unicode

from models.micro.vae_recipe import seeded

KINDS = ("pixart", "sd3", "flux")
SIDE = 16
"""Pixels of a picture: latents of 8 x 8, tokens of 4 x 4."""


def save_pipeline(kind: str, folder: Path, **changed: Any) -> DiffusionPipeline:
    """Save a random pipeline in diffusers' own way; the same weights every time. Keywords replace parts."""
    with seeded(kind):
        pipeline = {"pixart": _pixart, "sd3": _sd3, "flux": _flux}[kind](folder.parent, changed)
    for part in (pipeline.vae, pipeline.transformer):
        part.eval()
    pipeline.save_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _pixart(scratch: Path, changed: dict[str, Any]) -> DiffusionPipeline:
    transformer = PixArtTransformer2DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=8, num_layers=5, cross_attention_dim=32, sample_size=8,
        caption_channels=12, interpolation_scale=1, use_additional_conditions=False,
    )  # fmt: skip
    parts = {"tokenizer": _t5_tokenizer(scratch), "text_encoder": _t5(12), "vae": _vae(4), "transformer": _awake(transformer)}
    return PixArtSigmaPipeline(**(parts | {"scheduler": DPMSolverMultistepScheduler()} | changed))


def _sd3(scratch: Path, changed: dict[str, Any]) -> DiffusionPipeline:
    transformer = SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, num_layers=5, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=24,
        caption_projection_dim=32, pooled_projection_dim=16, out_channels=4, pos_embed_max_size=12, qk_norm="rms_norm",
        dual_attention_layers=(0, 1),
    )  # fmt: skip
    clips: dict[str, Any] = {}
    for suffix in ("", "_2"):
        clips |= {f"tokenizer{suffix}": _clip_tokenizer(scratch), f"text_encoder{suffix}": CLIPTextModelWithProjection(_clip_config()).eval()}
    parts = {**clips, "tokenizer_3": _t5_tokenizer(scratch), "text_encoder_3": _t5(24), "vae": _vae(4), "transformer": _awake(transformer)}
    return StableDiffusion3Pipeline(**(parts | {"scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0)} | changed))


def _flux(scratch: Path, changed: dict[str, Any]) -> DiffusionPipeline:
    transformer = FluxTransformer2DModel(
        in_channels=16, num_layers=2, num_single_layers=3, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=24,
        pooled_projection_dim=12, guidance_embeds=True, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    texts = {"tokenizer": _clip_tokenizer(scratch), "text_encoder": CLIPTextModel(_clip_config()).eval()}
    t5 = {"tokenizer_2": _t5_tokenizer(scratch), "text_encoder_2": _t5(24)}
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    return FluxPipeline(**(texts | t5 | {"vae": _vae(4), "transformer": _awake(transformer), "scheduler": scheduler} | changed))


def _vae(channels: int) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=channels, norm_num_groups=4, scaling_factor=0.8, shift_factor=0.1,
    )  # fmt: skip


def _awake(transformer: Any) -> Any:
    """Without weights near zero, under which a fresh transformer hides what it does."""
    with torch.no_grad():
        for name, weight in transformer.named_parameters():
            if weight.ndim == 1 or "norm" in name or "adaln" in name or "proj_out" in name:
                weight.add_(0.2 * torch.randn_like(weight))
    return transformer


def _t5(width: int) -> T5EncoderModel:
    config = T5Config(vocab_size=64, d_model=width, d_kv=8, d_ff=24, num_layers=2, num_heads=2, dropout_rate=0.5, feed_forward_proj="gated-gelu")
    return T5EncoderModel(config).eval()


def _t5_tokenizer(scratch: Path) -> T5TokenizerFast:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in string.ascii_lowercase)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    path = scratch / "t5_tokenizer.json"
    tokenizer.save(str(path))
    return T5TokenizerFast(tokenizer_file=str(path), extra_ids=0)


def _clip_config() -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=520, hidden_size=12, intermediate_size=24, projection_dim=8, num_hidden_layers=3, num_attention_heads=2,
        bos_token_id=512, eos_token_id=513, pad_token_id=513,
    )  # fmt: skip


def _clip_tokenizer(scratch: Path) -> CLIPTokenizer:
    letters = list(bytes_to_unicode().values())
    vocabulary = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (scratch / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(vocabulary)}))
    (scratch / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(scratch / "vocab.json"), str(scratch / "merges.txt"), model_max_length=77)
