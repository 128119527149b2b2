"""The whole network: unchanged base at the start, domains by block, modes, control as concatenated channels, the folder."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.diffusion.backbone import ForwardPlan, PixArtBackbone
from models.diffusion.text_to_image import load_text_to_image, save_text_to_image
from models.realiz3d.conditioning import Condition
from models.realiz3d.grid import from_grid, to_grid
from models.realiz3d.network import Realiz3D, load_model, save_model
from models.realiz3d.shifter import reassign
from tests.models.realiz3d.fabricated import small_model, stirred

TIMES = torch.tensor([10, 800])
LATENTS = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1))
CONTROL = torch.randn(2, 8, 16, 16, generator=torch.Generator().manual_seed(2))
VIEWPOINTS = torch.tensor([[[0.0, 0, 1], [1, 0, 0], [0, 0, -1], [-1, 0, 0]]]).repeat(2, 1, 1)


def condition(model: Realiz3D, domain: str = "real", control: Tensor | None = None, multiview: bool = False) -> Condition:
    return Condition(model.base.read(["a red cup", ""]), model.shifters.select([domain] * 2), control, multiview)


@pytest.mark.parametrize("multiview", [True, False])
@pytest.mark.parametrize(("kind", "control"), [("maps", None), ("maps", CONTROL), ("viewpoint", VIEWPOINTS)])
def test_at_the_start_the_base_is_unchanged(multiview: bool, kind: str, control: Tensor | None) -> None:
    model = small_model(positions="grid", control=kind)
    base = model.base.backbone(LATENTS, TIMES, model.base.read(["a red cup", ""]), ForwardPlan(2, 2, separate=not multiview))
    for domain in ("synthetic", "real"):
        assert torch.equal(model(LATENTS, TIMES, condition(model, domain, control, multiview)), base)


def test_a_tile_of_the_default_positions_is_a_picture_of_the_base() -> None:
    """Stage 1 meets the base where it knows it: single-image mode is the base on every view by itself (1e-5)."""
    model = small_model()
    grid = model(LATENTS, TIMES, condition(model))
    for tile, view in enumerate(from_grid(LATENTS).unbind(1)):
        alone = model.base.backbone(view, TIMES, model.base.read(["a red cup", ""]))
        torch.testing.assert_close(from_grid(grid)[:, tile], alone, atol=1e-5, rtol=0)


def test_the_control_is_frozen_with_the_embeddings() -> None:
    model = stirred(small_model())
    for frozen in (0, 1):
        model.zero_grad(set_to_none=True)
        chosen = replace(condition(model, control=CONTROL), frozen_blocks=frozen)
        model(LATENTS, TIMES, chosen).square().mean().backward()
        assert all((weight.grad is None) is (frozen > 0) for weight in model.control.parameters())


def test_null_control_is_zero_latents() -> None:
    model = stirred(small_model())
    nothing, zeros = (model(LATENTS, TIMES, condition(model, control=control)) for control in (None, torch.zeros_like(CONTROL)))
    torch.testing.assert_close(nothing, zeros)
    assert not torch.allclose(nothing, model(LATENTS, TIMES, condition(model, control=CONTROL)), atol=1e-3)


def test_control_is_a_patch_embedding_of_concatenated_channels() -> None:
    """diffusers' transformer with the grown patch embedding on [noisy latent, normals, positions] gives the same (1e-5)."""
    model = stirred(small_model(positions="grid"))
    model.shifters.left_NDR.data.zero_()
    plain = model.base.backbone.transformer
    grown = type(plain).from_config({**plain.config, "in_channels": 12})
    state = plain.state_dict()
    state["pos_embed.proj.weight"] = torch.cat([state["pos_embed.proj.weight"], model.control.grown.weight], dim=1)
    grown.load_state_dict(state)
    prompts = model.base.read(["a red cup", ""])
    expected = grown(torch.cat([LATENTS, CONTROL], 1), prompts.tokens, TIMES, encoder_attention_mask=prompts.mask, return_dict=False)[0]
    torch.testing.assert_close(model(LATENTS, TIMES, condition(model, control=CONTROL, multiview=True)), expected, atol=1e-5, rtol=0)


def entering(model: Realiz3D, chosen: Condition) -> list[Tensor]:
    """The tokens that enter each block."""
    seen: list[Tensor] = []
    blocks = model.base.backbone.transformer.transformer_blocks
    hooks = [block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])) for block in blocks]
    model(LATENTS, TIMES, chosen)
    for hook in hooks:
        hook.remove()
    return seen


def test_every_token_of_a_block_is_shifted_by_its_domain() -> None:
    model = stirred(small_model())
    real = condition(model)
    for blocks in range(1, 6):
        mixed = Condition(real.prompts, reassign(real.domains, 0, blocks))
        before, after = entering(model, real), entering(model, mixed)
        shift = model.shifters.shifts()[0]
        torch.testing.assert_close(after[0] - before[0], (shift[0] - shift[1]).expand_as(after[0]), atol=1e-5, rtol=0)
        pure = entering(model, condition(model, "synthetic"))
        assert all(torch.equal(after[block], pure[block]) for block in range(blocks))
        assert all(not torch.equal(after[block], pure[block]) for block in range(blocks, 5))


def test_samples_of_a_batch_have_their_own_domains() -> None:
    model = stirred(small_model(domains=("synthetic", "real", "randomly_lit")))
    prompts = model.base.read(["a red cup", ""])
    mixed = model(LATENTS, TIMES, Condition(prompts, model.shifters.select(["randomly_lit", "synthetic"])))
    for row, domain in enumerate(("randomly_lit", "synthetic")):
        torch.testing.assert_close(mixed[row], model(LATENTS, TIMES, condition(model, domain))[row], atol=1e-5, rtol=0)
    assert not torch.allclose(mixed[0], model(LATENTS, TIMES, condition(model, "real"))[0], atol=1e-3)


def test_domains_must_hold_both_of_the_method() -> None:
    with pytest.raises(ValueError, match="real"):
        small_model(domains=("synthetic", "painted"))


def test_views_and_maps_are_encoded_one_by_one() -> None:
    model = small_model()
    views = torch.rand(2, 4, 6, 16, 16) * 2 - 1
    encoded = model.encode_control(views)
    assert encoded.shape == (2, 8, 16, 16)
    alone = model.base.encode(views[1, 2:3, 3:])
    torch.testing.assert_close(from_grid(encoded)[1, 2, 4:], alone[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(to_grid(from_grid(encoded)), encoded)


def test_size_of_what_is_generated() -> None:
    assert small_model().latent_shape(torch.zeros(1, 4, 6, 32, 32)) == (4, 32, 32)
    assert small_model().latent_shape(None) == (4, 16, 16)
    assert small_model(positions="grid").latent_shape(None) == (4, 8, 8)


@pytest.mark.parametrize("kind", ["maps", "viewpoint"])
def test_folder_round_trip_is_exact(kind: str, tmp_path: Path) -> None:
    model = stirred(small_model(control=kind, domains=("synthetic", "real", "randomly_lit"), rank=3))
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    weights, loaded = model.state_dict(), again.state_dict()
    assert weights.keys() == loaded.keys() and all(torch.equal(weights[name], loaded[name]) for name in weights)
    assert again.config == model.config and not again.training
    assert (tmp_path / "shifters.safetensors").stat().st_size < 40_000
    control = CONTROL if kind == "maps" else VIEWPOINTS
    assert torch.equal(model(LATENTS, TIMES, condition(model, control=control)), again(LATENTS, TIMES, condition(again, control=control)))


def test_base_of_a_saved_model_is_a_base(tmp_path: Path) -> None:
    model = small_model()
    save_model(model, tmp_path)
    base = load_text_to_image(tmp_path)
    assert isinstance(base.backbone, PixArtBackbone)
    assert torch.equal(base.backbone.transformer.proj_out.weight, model.base.backbone.transformer.proj_out.weight)


def test_wrong_folders_are_named(tmp_path: Path) -> None:
    model = small_model()
    save_text_to_image(model.base, tmp_path / "base")
    with pytest.raises(ValueError, match="base model, not Realiz3D"):
        load_model(tmp_path / "base")
    save_model(model, tmp_path / "model")
    (tmp_path / "model" / "control.safetensors").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"control\.safetensors"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"domains": ["synthetic", "real", "third"]}, r"shifters\.safetensors holds shifters of the domains .*, the model has .*third"),
        ({"rank": 2}, r"shifters\.safetensors does not fit"),
        ({"rank": 2_000_000_000}, r"config\.json does not describe Realiz3D:\n  rank: .*less than or equal to 1024"),
        ({"adapter": {"kind": "linear", "rank": 2_000_000_000}}, r"config\.json .*\n  adapter\.rank: .*less than or equal to 1024"),
        ({"colour": "red"}, r"config\.json .*\n  colour: "),
    ],
)
def test_a_config_that_does_not_fit_is_named(tmp_path: Path, described: dict, message: str) -> None:
    save_model(small_model(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "realiz3d": {**config["realiz3d"], **described}}))
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path)
