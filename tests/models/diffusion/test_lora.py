"""LoRA by peft, against W + B A written out, and the plain transformer when it is taken out."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.diffusion.backbone import ForwardPlan, PixArtBackbone
from models.diffusion.lora import add_lora, attention_linears, lora_layers, merge_lora, remove_lora, without_lora
from models.diffusion.prompts import HashedWords
from models.diffusion.text_to_image import load_text_to_image
from models.micro.vae_recipe import seeded
from tests.models.diffusion.tiny_pipelines import save_pipeline
from tests.models.realiz3d.fabricated import small_base

PROMPTS = HashedWords(8, 6)(["a red cup", "blue"])
TIMES = torch.tensor([3, 900])
LATENTS = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def backbone() -> PixArtBackbone:
    with seeded("backbone"):
        return PixArtBackbone(small_base().transformer.build(4)).eval()


def lora_parameters(transformer: nn.Module) -> dict[str, nn.Parameter]:
    """The A and B of every wrapped layer."""
    return {name: weight for name, weight in transformer.named_parameters() if ".lora_" in name}


def stirred(transformer: nn.Module) -> None:
    """Let the adapters do something."""
    with torch.no_grad(), seeded("lora"):
        for name, weight in lora_parameters(transformer).items():
            if "lora_B" in name:
                weight.copy_(0.1 * torch.randn_like(weight))


def predicted(backbone: PixArtBackbone) -> Tensor:
    return backbone(LATENTS, TIMES, PROMPTS)


def test_all_attention_layers_and_no_other(backbone: PixArtBackbone) -> None:
    expected = [
        f"transformer_blocks.{block}.{attention}.{layer}"
        for block in range(5)
        for attention in ("attn1", "attn2")
        for layer in ("to_q", "to_k", "to_v", "to_out.0")
    ]
    assert sorted(attention_linears(backbone.transformer)) == sorted(expected)
    add_lora(backbone.transformer, 3)
    assert sorted(lora_layers(backbone.transformer)) == sorted(expected)
    assert all(3 in weight.shape for weight in lora_parameters(backbone.transformer).values())


def test_at_the_start_nothing_changes(backbone: PixArtBackbone) -> None:
    before = predicted(backbone)
    add_lora(backbone.transformer, 3)
    assert torch.equal(predicted(backbone), before)


def test_what_trains_is_left_as_it_was(backbone: PixArtBackbone) -> None:
    backbone.requires_grad_(False)
    backbone.transformer.proj_out.requires_grad_(True)
    add_lora(backbone.transformer, 3)
    trains = {name for name, weight in backbone.transformer.named_parameters() if weight.requires_grad}
    assert trains == {"proj_out.weight", "proj_out.bias", *lora_parameters(backbone.transformer)}


def test_is_the_weight_plus_the_product_of_two(backbone: PixArtBackbone) -> None:
    """The plain transformer with W + B A written into its weights gives the same (1e-5); so does merging."""
    plain, before = copy.deepcopy(backbone), predicted(backbone)
    add_lora(backbone.transformer, 3)
    stirred(backbone.transformer)
    pairs = lora_parameters(backbone.transformer)
    with torch.no_grad():
        for name in attention_linears(plain.transformer):
            product = pairs[f"{name}.lora_B.default.weight"] @ pairs[f"{name}.lora_A.default.weight"]
            plain.transformer.get_submodule(name).weight.add_(product)
    apart = predicted(backbone)
    assert not torch.allclose(apart, before, atol=1e-3)
    torch.testing.assert_close(apart, predicted(plain), atol=1e-5, rtol=0)
    merge_lora(backbone.transformer)
    torch.testing.assert_close(predicted(backbone), apart, atol=1e-5, rtol=0)
    assert not lora_layers(backbone.transformer) and backbone.state_dict().keys() == plain.state_dict().keys()


def test_taken_out_for_a_while_or_for_good(backbone: PixArtBackbone) -> None:
    before, names = predicted(backbone), set(backbone.state_dict())
    add_lora(backbone.transformer, 3)
    stirred(backbone.transformer)
    adapted = predicted(backbone)
    with pytest.raises(RuntimeError, match="stop"), without_lora(backbone.transformer):
        assert torch.equal(predicted(backbone), before) and set(backbone.state_dict()) == names
        raise RuntimeError("stop")
    assert torch.equal(predicted(backbone), adapted)
    remove_lora(backbone.transformer)
    assert torch.equal(predicted(backbone), before) and set(backbone.state_dict()) == names


@pytest.mark.parametrize("kind", ["sd3", "flux"])
def test_transformers_of_other_kinds(kind: str, tmp_path: Path) -> None:
    """All linear layers of joint attention; merged, the same (1e-5). What stands behind a block is known too."""
    save_pipeline(kind, tmp_path)
    base = load_text_to_image(tmp_path)
    backbone, prompts, times = base.backbone.eval(), base.read(["a red cup", "blue"]), torch.tensor([3.0, 900.0])
    names = attention_linears(backbone.transformer)
    assert {name.rsplit(".attn", 1)[1] for name in names} >= {".to_q", ".to_k", ".to_v", ".to_out.0", ".add_q_proj", ".add_k_proj", ".add_v_proj"}
    for first in (1, 3):
        backbone.requires_grad_(True).zero_grad(set_to_none=True)
        backbone(LATENTS, times, prompts, ForwardPlan(frozen_blocks=first)).square().mean().backward()
        trained = {id(weight) for weight in backbone.parameters() if weight.grad is not None}
        assert trained <= {id(weight) for weight in backbone.late_parameters(first)}
    with torch.no_grad():
        before = backbone(LATENTS, times, prompts)
        add_lora(backbone.transformer, 3)
        assert torch.equal(backbone(LATENTS, times, prompts), before)
        stirred(backbone.transformer)
        apart = backbone(LATENTS, times, prompts)
        merge_lora(backbone.transformer)
        torch.testing.assert_close(backbone(LATENTS, times, prompts), apart, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(apart, before, atol=1e-3)
