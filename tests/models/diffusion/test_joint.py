"""SD3 and FLUX block by block (and PixArt-Sigma as a pipeline has it): against diffusers' own forward pass, and against tiles run alone."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxPipeline, FluxTransformer2DModel, PixArtTransformer2DModel, SD3Transformer2DModel
from torch import Tensor

from models.diffusion.backbone import Backbone, ForwardPlan
from models.diffusion.joint import FluxBackbone, SD3Backbone
from models.diffusion.prompts import HashedWords, Prompts
from models.diffusion.text_to_image import load_text_to_image
from tests.models.diffusion.tiny_pipelines import KINDS, save_pipeline

TIMES = torch.tensor([3.0, 900.0])
PLAIN, MULTIVIEW, SINGLE = ForwardPlan(), ForwardPlan(rows=2, columns=2), ForwardPlan(rows=2, columns=2, separate=True)
CLASSES: dict[str, Any] = {"pixart": PixArtTransformer2DModel, "sd3": SD3Transformer2DModel, "flux": FluxTransformer2DModel}
JOINT = pytest.mark.parametrize("kind", ["sd3", "flux"])


class Base:
    """A backbone, diffusers' own model of the same weights, and prompts for both."""

    def __init__(self, kind: str, folder: Path) -> None:
        save_pipeline(kind, folder)
        model = load_text_to_image(folder)
        self.kind, self.backbone, self.prompts = kind, model.backbone.eval(), model.read(["a red cup", "blue"])
        self.theirs = CLASSES[kind].from_pretrained(folder / "transformer").eval()

    def ours(self, noisy: Tensor, plan: ForwardPlan = PLAIN) -> Tensor:
        return self.backbone(noisy, TIMES[: len(noisy)], self.prompts, plan)

    def by_diffusers(self, noisy: Tensor) -> Tensor:
        text = self.prompts
        if self.kind == "pixart":
            return self.theirs(noisy, text.tokens, TIMES.long(), encoder_attention_mask=text.mask, return_dict=False)[0][:, :4]
        if self.kind == "sd3":
            return self.theirs(noisy, text.tokens, text.pooled, TIMES, return_dict=False)[0]
        height, width = noisy.shape[-2:]
        packed = FluxPipeline._pack_latents(noisy, *noisy.shape)
        ids = FluxPipeline._prepare_latent_image_ids(2, height // 2, width // 2, noisy.device, noisy.dtype)
        words = torch.zeros(text.tokens.shape[1], 3)
        values = self.theirs(packed, text.tokens, text.pooled, TIMES / 1000, ids, words, torch.ones(2), return_dict=False)[0]
        return FluxPipeline._unpack_latents(values, height, width, 1)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Base]:
    return {kind: Base(kind, tmp_path_factory.mktemp("joint") / kind) for kind in KINDS}


def latents(side: int = 16) -> Tensor:
    return torch.randn(2, 4, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plan", [PLAIN, MULTIVIEW])
@torch.no_grad()
def test_is_the_transformer_itself(bases: dict[str, Base], kind: str, plan: ForwardPlan) -> None:
    for noisy in (latents(8), latents(), latents()[:, :, :8]):
        expected = bases[kind].by_diffusers(noisy)
        torch.testing.assert_close(bases[kind].ours(noisy, plan), expected, atol=1e-5, rtol=1e-5)
        assert expected.std() > 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("positions", ["grid", "tile"])
@torch.no_grad()
def test_single_image_mode_is_each_tile_alone(bases: dict[str, Base], kind: str, positions: str) -> None:
    backbone = bases[kind].backbone
    whole = backbone.positions(8, 8).view(2, 4, 2, 4, -1).transpose(1, 2).reshape(4, 16, -1)
    table = whole if positions == "grid" else backbone.positions(4, 4).repeat(4, 1, 1)
    grid = bases[kind].ours(latents(), ForwardPlan(2, 2, separate=True, positions=table.flatten(0, 1)))
    for tile, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        there = (slice(None), slice(None), slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8))
        alone = bases[kind].ours(latents()[there], ForwardPlan(positions=table[tile]))
        torch.testing.assert_close(grid[there], alone, atol=1e-5, rtol=1e-5)


@JOINT
@torch.no_grad()
def test_grid_positions_are_the_default_and_matter(bases: dict[str, Base], kind: str) -> None:
    backbone = bases[kind].backbone
    whole = backbone.positions(8, 8).view(2, 4, 2, 4, -1).transpose(1, 2).reshape(64, -1)
    for plan in (SINGLE, MULTIVIEW):
        explicit = bases[kind].ours(latents(), ForwardPlan(2, 2, plan.separate, whole))
        assert torch.equal(bases[kind].ours(latents(), plan), explicit)
        elsewhere = bases[kind].ours(latents(), ForwardPlan(2, 2, plan.separate, whole.roll(16, 0)))
        assert not torch.allclose(explicit, elsewhere, atol=1e-3)


@JOINT
@torch.no_grad()
def test_tiles_see_each_other_only_in_multiview_mode(bases: dict[str, Base], kind: str) -> None:
    changed = latents()
    changed[:, :, 8:, 8:] += 1.0
    for plan, seen in ((SINGLE, False), (MULTIVIEW, True)):
        difference = bases[kind].ours(changed, plan) - bases[kind].ours(latents(), plan)
        assert bool(difference[:, :, :8, :8].abs().max() > 1e-4) is seen


def tokens_entering(backbone: Backbone) -> tuple[list[Tensor], list[Any]]:
    model = backbone.transformer
    seen: list[Tensor] = []
    blocks = [*model.transformer_blocks, *getattr(model, "single_transformer_blocks", [])]
    return seen, [block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])) for block in blocks]


@JOINT
@pytest.mark.parametrize("plan", [SINGLE, MULTIVIEW])
@torch.no_grad()
def test_what_is_added_before_a_block_reaches_it(bases: dict[str, Base], kind: str, plan: ForwardPlan) -> None:
    shown: list[Tensor] = []
    left: list[Tensor] = []

    def before(index: int, tokens: Tensor) -> Tensor:
        assert index == len(shown)
        shown.append(tokens + index)
        return shown[-1]

    seen, hooks = tokens_entering(bases[kind].backbone)
    bases[kind].ours(latents(), ForwardPlan(2, 2, plan.separate, before_block=before, after_block=lambda _, tokens: left.append(tokens)))
    for hook in hooks:
        hook.remove()
    assert len(shown) == len(left) == bases[kind].backbone.blocks == 5
    assert all(torch.equal(entered.reshape(said.shape), said) for entered, said in zip(seen, shown))
    assert all(torch.equal(said, before + index) for index, (said, before) in enumerate(zip(shown[1:], left), 1))


@JOINT
@torch.no_grad()
def test_what_is_added_to_patches_and_time_counts(bases: dict[str, Base], kind: str) -> None:
    plain = bases[kind].ours(latents())
    shift = torch.randn(2, 64, 32, generator=torch.Generator().manual_seed(1))
    first: list[Tensor] = []
    for added in (None, shift):
        bases[kind].ours(latents(), ForwardPlan(added=added, before_block=lambda index, tokens: first.append(tokens) or tokens))
    torch.testing.assert_close(first[5] - first[0], shift)
    for separate in (True, False):
        times = [torch.zeros(2, 32), torch.stack([torch.ones(32), torch.zeros(32)])]
        still, moved = (bases[kind].ours(latents(), ForwardPlan(2, 2, separate, added_time=time)) for time in times)
        assert not torch.allclose(still[0], moved[0], atol=1e-3) and torch.allclose(still[1], moved[1], atol=1e-5)
    torch.testing.assert_close(bases[kind].ours(latents(), ForwardPlan(added_time=times[0])), plain)


@JOINT
@pytest.mark.parametrize("frozen", [0, 1, 3])
def test_frozen_blocks_and_embeddings_get_no_gradient(bases: dict[str, Base], kind: str, frozen: int) -> None:
    backbone = bases[kind].backbone
    backbone.zero_grad(set_to_none=True)
    bases[kind].ours(latents(), ForwardPlan(2, 2, True, frozen_blocks=frozen)).square().mean().backward()
    model = backbone.transformer
    blocks = [*model.transformer_blocks, *getattr(model, "single_transformer_blocks", [])]
    got = [any(weight.grad is not None for weight in block.parameters()) for block in blocks]
    assert got == [index >= frozen for index in range(5)]
    below = [*model.context_embedder.parameters(), *model.time_text_embed.parameters()]
    assert all((weight.grad is None) is (frozen > 0) for weight in below)
    assert model.proj_out.weight.grad is not None


@JOINT
def test_gradient_checkpointing_gives_the_same_gradients(bases: dict[str, Base], kind: str) -> None:
    backbone = bases[kind].backbone
    gradients = []
    for switch in (False, True):
        backbone.gradient_checkpointing = switch
        backbone.zero_grad(set_to_none=True)
        loss = sum(bases[kind].ours(latents(), plan).square().mean() for plan in (MULTIVIEW, ForwardPlan(2, 2, True, frozen_blocks=2)))
        assert isinstance(loss, Tensor)
        loss.backward()
        gradients.append({name: weight.grad.clone() for name, weight in backbone.named_parameters() if weight.grad is not None})
    backbone.gradient_checkpointing = False
    assert gradients[0].keys() == gradients[1].keys() and gradients[0]
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])


def test_a_pooled_text_must_be_there(bases: dict[str, Base]) -> None:
    with pytest.raises(ValueError, match="SD3Backbone reads a pooled text"):
        bases["sd3"].backbone(latents(), TIMES, HashedWords(24, 4)(["a", "b"]))


def test_sizes_that_do_not_fit_are_named(bases: dict[str, Base]) -> None:
    with pytest.raises(ValueError, match="10 x 10"):
        bases["flux"].ours(latents(10), SINGLE)
    with pytest.raises(ValueError, match="pos_embed_max_size"):
        bases["sd3"].ours(torch.zeros(2, 4, 32, 32))


def test_a_distilled_guidance_can_be_told(bases: dict[str, Base]) -> None:
    assert isinstance(bases["sd3"].backbone, SD3Backbone)
    told = FluxBackbone(bases["flux"].theirs, guidance=3.5)
    text = bases["flux"].prompts
    assert not torch.allclose(told(latents(), TIMES, Prompts(text.tokens, text.mask, text.pooled)), bases["flux"].ours(latents()), atol=1e-4)
