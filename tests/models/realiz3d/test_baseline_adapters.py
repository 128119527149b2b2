"""Linear adapters before each block: formula, zero start, and where they are in the network."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.micro.vae_recipe import seeded
from models.realiz3d.baseline_adapters import AdapterConfig, LinearAdapters
from models.realiz3d.network import Realiz3D, load_model, save_model
from tests.models.realiz3d.fabricated import small_model
from tests.models.realiz3d.test_network import CONTROL, LATENTS, TIMES, condition, entering

KINDS = ("lora", "linear")


def adapted(kind: str, **adapter: Any) -> Realiz3D:
    """A small model whose adapters already do something."""
    model = small_model(domain_input="none", adapter={"kind": kind, "rank": 3, **adapter})
    with torch.no_grad(), seeded("adapters"):
        for weight in model.adapter_parameters().values():
            weight.copy_(0.2 * torch.randn_like(weight))
    return model


def test_is_a_product_of_two_low_rank_matrices_on_each_token() -> None:
    with seeded("linear"):
        adapters = LinearAdapters(2, 6, 2)
        adapters.left_NDR.data.normal_()
        tokens = torch.randn(3, 5, 6)
    for block in range(2):
        left, right = adapters.left_NDR[block].detach().numpy(), adapters.right_NRD[block].detach().numpy()
        for sample in range(3):
            for token in range(5):
                x = tokens[sample, token].numpy()
                assert adapters(block, tokens)[sample, token].detach().numpy() == pytest.approx(x + left @ (right @ x), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_at_the_start_the_base_is_unchanged(kind: str) -> None:
    plain, model = small_model(domain_input="none"), small_model(domain_input="none", adapter={"kind": kind, "rank": 3})
    for control, multiview in ((None, False), (CONTROL, True)):
        assert torch.equal(
            model(LATENTS, TIMES, condition(model, control=control, multiview=multiview)),
            plain(LATENTS, TIMES, condition(plain, control=control, multiview=multiview)),
        )


def test_linear_adapters_stand_before_each_block() -> None:
    model, plain = adapted("linear"), small_model(domain_input="none")
    assert model.adapters is not None
    first = entering(plain, condition(plain))[0]
    outputs: list[torch.Tensor] = []
    blocks = model.base.backbone.transformer.transformer_blocks
    hooks = [block.register_forward_hook(lambda _, inputs, output: outputs.append(output)) for block in blocks]
    seen = entering(model, condition(model))
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(seen[0], model.adapters(0, first), atol=1e-5, rtol=0)
    for block in range(1, 5):
        torch.testing.assert_close(seen[block], model.adapters(block, outputs[block - 1]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_without_adapters_it_is_the_base(kind: str) -> None:
    model, plain = adapted(kind), small_model(domain_input="none")
    expected, own = plain(LATENTS, TIMES, condition(plain)), model(LATENTS, TIMES, condition(model))
    assert not torch.allclose(own, expected, atol=1e-3)
    with model.without_adapters():
        assert torch.equal(model(LATENTS, TIMES, condition(model)), expected)
    assert torch.equal(model(LATENTS, TIMES, condition(model)), own)
    model.remove_adapters()
    assert torch.equal(model(LATENTS, TIMES, condition(model)), expected)
    assert model.config.adapter is None and model.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize("kind", KINDS)
def test_folder_round_trip_is_exact(kind: str, tmp_path: Path) -> None:
    model = adapted(kind)
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    weights, loaded = model.state_dict(), again.state_dict()
    assert weights.keys() == loaded.keys() and all(torch.equal(weights[name], loaded[name]) for name in weights)
    assert again.config == model.config
    assert not (tmp_path / "shifters.safetensors").exists() and (tmp_path / "adapters.safetensors").is_file()


def test_a_network_has_adapters_once() -> None:
    with pytest.raises(ValueError, match="already"):
        adapted("lora").add_adapters(AdapterConfig(kind="linear", rank=2))
    with pytest.raises(ValueError, match="no LoRA"):
        adapted("linear").merge_lora()
