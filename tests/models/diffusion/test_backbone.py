"""The transformer run block by block, against diffusers' own forward pass and against tiles run alone."""

import pytest
import torch
from torch import Tensor

from models.diffusion.backbone import ForwardPlan, PixArtBackbone
from models.diffusion.prompts import HashedWords
from models.micro.vae_recipe import seeded
from tests.models.realiz3d.fabricated import small_base

PROMPTS = HashedWords(8, 6)(["a red cup", "blue"])
TIMES = torch.tensor([3, 900])
MULTIVIEW, SINGLE = ForwardPlan(rows=2, columns=2), ForwardPlan(rows=2, columns=2, separate=True)


@pytest.fixture(scope="module")
def backbone() -> PixArtBackbone:
    with seeded("backbone"):
        return PixArtBackbone(small_base().transformer.build(4)).eval()


def latents(side: int = 16) -> Tensor:
    return torch.randn(2, 4, side, side, generator=torch.Generator().manual_seed(0))


def by_diffusers(backbone: PixArtBackbone, noisy: Tensor) -> Tensor:
    model = backbone.transformer
    return model(noisy, PROMPTS.tokens, TIMES, encoder_attention_mask=PROMPTS.mask, return_dict=False)[0][:, : backbone.channels]


@pytest.mark.parametrize("side", [8, 12])
def test_plain_plan_is_the_transformer_itself(backbone: PixArtBackbone, side: int) -> None:
    assert torch.equal(backbone(latents(side), TIMES, PROMPTS), by_diffusers(backbone, latents(side)))


def test_multiview_mode_is_the_transformer_on_the_whole_grid(backbone: PixArtBackbone) -> None:
    torch.testing.assert_close(backbone(latents(), TIMES, PROMPTS, MULTIVIEW), by_diffusers(backbone, latents()), atol=1e-5, rtol=0)


@pytest.mark.parametrize("positions", ["grid", "tile"])
def test_single_image_mode_is_each_tile_alone(backbone: PixArtBackbone, positions: str) -> None:
    whole = backbone.positions(8, 8).view(2, 4, 2, 4, -1).transpose(1, 2).reshape(4, 16, -1)
    table = whole if positions == "grid" else backbone.positions(4, 4).repeat(4, 1, 1)
    grid = backbone(latents(), TIMES, PROMPTS, ForwardPlan(2, 2, separate=True, positions=table.flatten(0, 1)))
    for tile, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        there = (slice(None), slice(None), slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8))
        alone = backbone(latents()[there], TIMES, PROMPTS, ForwardPlan(positions=table[tile]))
        torch.testing.assert_close(grid[there], alone, atol=1e-5, rtol=0)


def test_grid_positions_are_the_default(backbone: PixArtBackbone) -> None:
    whole = backbone.positions(8, 8).view(2, 4, 2, 4, -1).transpose(1, 2).reshape(64, -1)
    explicit = backbone(latents(), TIMES, PROMPTS, ForwardPlan(2, 2, separate=True, positions=whole))
    assert torch.equal(backbone(latents(), TIMES, PROMPTS, SINGLE), explicit)


def test_tiles_see_each_other_only_in_multiview_mode(backbone: PixArtBackbone) -> None:
    changed = latents()
    changed[:, :, 8:, 8:] += 1.0
    for plan, seen in ((SINGLE, False), (MULTIVIEW, True)):
        difference = backbone(changed, TIMES, PROMPTS, plan) - backbone(latents(), TIMES, PROMPTS, plan)
        assert bool(difference[:, :, :8, :8].abs().max() > 1e-4) is seen


def test_padding_of_the_text_does_not_count(backbone: PixArtBackbone) -> None:
    longer = HashedWords(8, 20)(["a red cup", "blue"])
    torch.testing.assert_close(backbone(latents(8), TIMES, longer), backbone(latents(8), TIMES, PROMPTS), atol=1e-6, rtol=0)


def test_what_is_added_before_a_block_reaches_it(backbone: PixArtBackbone) -> None:
    entering: dict[int, Tensor] = {}
    hooks = [
        block.register_forward_pre_hook(lambda _, inputs, index=index: entering.__setitem__(index, inputs[0]))
        for index, block in enumerate(backbone.transformer.transformer_blocks)
    ]
    shown: dict[int, Tensor] = {}
    backbone(latents(), TIMES, PROMPTS, ForwardPlan(before_block=lambda index, tokens: shown.setdefault(index, tokens + index)))
    for hook in hooks:
        hook.remove()
    assert list(shown) == [0, 1, 2, 3, 4]
    assert all(torch.equal(entering[index], shown[index]) for index in shown)


@pytest.mark.parametrize("frozen", [0, 1, 3])
def test_frozen_blocks_and_embeddings_get_no_gradient(backbone: PixArtBackbone, frozen: int) -> None:
    backbone.zero_grad(set_to_none=True)
    backbone(latents(), TIMES, PROMPTS, ForwardPlan(2, 2, frozen_blocks=frozen)).square().mean().backward()
    model = backbone.transformer
    for index, block in enumerate(model.transformer_blocks):
        assert all((weight.grad is None) is (index < frozen) for weight in block.parameters())
    below = [*model.pos_embed.parameters(), *model.adaln_single.parameters(), *model.caption_projection.parameters()]
    assert all((weight.grad is None) is (frozen > 0) for weight in below)
    assert model.proj_out.weight.grad is not None


def test_late_parameters_are_those_that_freezing_leaves(backbone: PixArtBackbone) -> None:
    for first in (1, 3, 5):
        backbone.zero_grad(set_to_none=True)
        backbone(latents(), TIMES, PROMPTS, ForwardPlan(frozen_blocks=first)).square().mean().backward()
        trained = {id(weight) for weight in backbone.parameters() if weight.grad is not None}
        assert {id(weight) for weight in backbone.late_parameters(first)} == trained


def test_what_leaves_a_block_is_told_and_stays(backbone: PixArtBackbone) -> None:
    left: dict[int, Tensor] = {}
    entering: dict[int, Tensor] = {}
    plan = ForwardPlan(after_block=left.__setitem__, before_block=lambda index, tokens: entering.setdefault(index, tokens))
    assert torch.equal(backbone(latents(), TIMES, PROMPTS, plan), backbone(latents(), TIMES, PROMPTS))
    assert list(left) == [0, 1, 2, 3, 4]
    assert all(torch.equal(left[index], entering[index + 1]) for index in range(4))


def test_what_is_added_to_the_time_reaches_blocks_and_output(backbone: PixArtBackbone) -> None:
    """As much as in the bias of the last layer that embeds the timestep."""
    added = torch.linspace(-1, 1, backbone.width)
    joined = backbone(latents(), TIMES, PROMPTS, ForwardPlan(added_time=added.expand(2, -1)))
    bias = backbone.transformer.adaln_single.emb.timestep_embedder.linear_2.bias
    with torch.no_grad():
        bias.add_(added)
        expected = backbone(latents(), TIMES, PROMPTS)
        bias.sub_(added)
    torch.testing.assert_close(joined, expected, atol=1e-5, rtol=0)
    assert not torch.allclose(joined, backbone(latents(), TIMES, PROMPTS), atol=1e-3)


def test_freezing_does_not_change_the_output(backbone: PixArtBackbone) -> None:
    assert torch.equal(backbone(latents(), TIMES, PROMPTS, ForwardPlan(frozen_blocks=3)), backbone(latents(), TIMES, PROMPTS))


def test_gradient_checkpointing_gives_the_same_gradients(backbone: PixArtBackbone) -> None:
    """Both modes go forward before the backward pass: what is recomputed must remember its own mode."""
    gradients = []
    for switch in (False, True):
        backbone.gradient_checkpointing = switch
        backbone.zero_grad(set_to_none=True)
        loss = sum(backbone(latents(), TIMES, PROMPTS, plan).square().mean() for plan in (MULTIVIEW, ForwardPlan(2, 2, True, frozen_blocks=2)))
        assert isinstance(loss, Tensor)
        loss.backward()
        gradients.append({name: weight.grad.clone() for name, weight in backbone.named_parameters() if weight.grad is not None})
    backbone.gradient_checkpointing = False
    assert gradients[0].keys() == gradients[1].keys() and gradients[0]
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])


def test_a_learned_variance_is_left_out() -> None:
    plain = small_base().transformer.build(4)
    doubled = type(plain).from_config({**plain.config, "out_channels": 8})
    assert PixArtBackbone(doubled)(latents(8), TIMES, PROMPTS).shape == (2, 4, 8, 8)


def test_size_conditions_are_those_of_a_picture() -> None:
    """PixArt-alpha: height and width in pixels and their ratio; a tile with positions of its own counts as a picture."""
    plain = small_base(heads=3, head_width=16).transformer.build(4)
    with seeded("sizes"):
        sized = PixArtBackbone(type(plain).from_config({**plain.config, "use_additional_conditions": True})).eval()
    noisy = latents()[:, :, :8]
    sizes = {"resolution": torch.tensor([[64.0, 128.0]] * 2), "aspect_ratio": torch.tensor([[0.5]] * 2)}
    expected = sized.transformer(noisy, PROMPTS.tokens, TIMES, sizes, encoder_attention_mask=PROMPTS.mask, return_dict=False)[0]
    torch.testing.assert_close(sized(noisy, TIMES, PROMPTS), expected, atol=1e-6, rtol=0)
    grid = sized(latents(), TIMES, PROMPTS, ForwardPlan(2, 2, separate=True, positions=sized.positions(4, 4).repeat(4, 1)))
    torch.testing.assert_close(grid[:, :, :8, :8], sized(latents()[:, :, :8, :8], TIMES, PROMPTS), atol=1e-5, rtol=0)


def test_refuses_what_does_not_fit(backbone: PixArtBackbone) -> None:
    with pytest.raises(ValueError, match="10 x 10"):
        backbone(latents(10), TIMES, PROMPTS, SINGLE)
