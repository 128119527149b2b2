"""The full-scale models' own classes with small random weights, in the files that they are read from."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import models.torchvision_ops  # noqa: F401

DINO_SETTINGS: dict[str, Any] = {"enc_layers": 1, "dec_layers": 1, "dim_feedforward": 32, "num_queries": 20}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "red", "mug", "toy", "car"]


def write_bert(folder: Path) -> str:
    """A BERT of 11 words; its folder."""
    from transformers import BertConfig, BertModel

    (folder / "vocab.txt").write_text("\n".join(WORDS))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)).save_pretrained(
        folder
    )
    return str(folder)


@contextmanager
def small_swin() -> Iterator[None]:
    """GroundingDINO builds the package's own Swin transformer, of 12 channels in place of 96."""
    from groundingdino.models.GroundingDINO.backbone import backbone, swin_transformer

    def build(name: str, pretrain_img_size: int, **settings: Any) -> Any:
        sizes = {"embed_dim": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 3, 4], "window_size": 7}
        return swin_transformer.SwinTransformer(pretrain_img_size=pretrain_img_size, **sizes, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbone, "build_swin_transformer", build)
        yield


def quiet_dino(network: Any) -> Any:
    """Random features are far from zero: without this every score is 1."""
    with torch.no_grad():
        network.transformer.decoder.norm.weight *= 0.02
    return network


def small_sam() -> Any:
    """A Segment Anything of two blocks for 64 pixels."""
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    torch.manual_seed(0)
    norm = partial(torch.nn.LayerNorm, eps=1e-6)
    encoder = ImageEncoderViT(
        img_size=64, patch_size=16, embed_dim=16, depth=2, num_heads=2, out_chans=16, norm_layer=norm, use_rel_pos=True, window_size=2
    )
    prompts = PromptEncoder(embed_dim=16, image_embedding_size=(4, 4), input_image_size=(64, 64), mask_in_chans=4)
    transformer = TwoWayTransformer(depth=1, embedding_dim=16, mlp_dim=16, num_heads=2)
    decoder = MaskDecoder(transformer_dim=16, transformer=transformer, iou_head_depth=2, iou_head_hidden_dim=8)
    return Sam(encoder, prompts, decoder).eval()


def write_depth_pro(folder: Path) -> Path:
    """A Depth Pro of a few thousand weights, as `from_pretrained` reads it."""
    from transformers import DepthProConfig, DepthProForDepthEstimation, DepthProImageProcessorFast

    vit = {"model_type": "dinov2", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8, "image_size": 32}
    torch.manual_seed(0)
    config = DepthProConfig(
        patch_size=32,
        fusion_hidden_size=16,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[16, 16],
        scaled_images_feature_dims=[16, 16, 16],
        scaled_images_overlap_ratios=[0.0, 0.5, 0.25],
        use_fov_model=True,
        image_model_config=dict(vit),
        patch_model_config=dict(vit),
        fov_model_config=dict(vit),
    )
    DepthProForDepthEstimation(config).save_pretrained(folder)
    DepthProImageProcessorFast(size={"height": 128, "width": 128}).save_pretrained(folder)
    return folder
