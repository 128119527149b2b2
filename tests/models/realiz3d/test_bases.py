"""Both stages and sampling on small random PixArt-Sigma, SD3 and FLUX pipelines, through their folders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.realiz3d.conditioning import control_from_views
from models.realiz3d.network import Realiz3D, load_model
from models.realiz3d.sampling import SamplingSettings, sample_views
from models.recipe import StepRandom
from models.registry import make_recipe
from tests.models.diffusion.tiny_pipelines import KINDS, save_pipeline
from tests.models.realiz3d.fabricated import matched_sample, render_sample

SAMPLES = {"render": [render_sample("cup")], "matched_real": [matched_sample("cup")]}
RNG = StepRandom(0, 3)


def trained_a_step(recipe: Any, network: Realiz3D) -> set[str]:
    """The parts whose weights one step changes; each weight that may train has had a gradient, which is finite."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    weights = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    network.train()
    recipe.loss(network, recipe.collate(SAMPLES, RNG), RNG)[0].backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in weights.values())
    torch.optim.AdamW(weights.values(), 1e-2).step()
    return {part_of(name) for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def part_of(name: str) -> str:
    return ".".join(name.split(".")[:2]) if name.startswith("base.") else name.split(".")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_stages_follow_each_other_on_every_kind_of_base(kind: str, tmp_path: Path) -> None:
    save_pipeline(kind, tmp_path / "base")
    parents, settings = {"base": tmp_path / "base"}, {"picture_steps": 2}
    for name, role, moved in (
        ("realiz3d_warmup", "base", {"base.backbone"}),
        ("realiz3d_stage1", "shifted", {"shifters"}),
        ("realiz3d_stage2", "", {"base.backbone", "control"}),
    ):
        recipe: Any = make_recipe(name, settings)
        network = recipe.build(parents)
        assert isinstance(network, Realiz3D)
        assert trained_a_step(recipe, network) == moved, name
        recipe.save(network, tmp_path / name)
        parents = {role: tmp_path / name}
    model = load_model(tmp_path / "realiz3d_stage2")
    assert model.base.schedule == network.base.schedule
    assert torch.equal(model.base.backbone.transformer.proj_out.weight, network.base.backbone.transformer.proj_out.weight)
    views = sample_views(model, control(), ["a red cup"], SamplingSettings(steps=2), np.random.default_rng(0))
    assert views.shape == (1, 4, 16, 16, 3) and views.std() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_at_the_start_every_view_is_a_picture_of_the_base(kind: str, tmp_path: Path) -> None:
    """Stage 1 meets the base where it knows it, whatever the domain; a time of either schedule will do."""
    save_pipeline(kind, tmp_path / "base")
    recipe: Any = make_recipe("realiz3d_stage1", {})
    network = recipe.build({"base": tmp_path / "base"}).eval()
    noisy = torch.randn(1, 4, 4, 8, 8)
    times = network.base.schedule.draw_timesteps(range(1), RNG)
    prompts = network.base.read(["a red cup"])
    seen: list[Any] = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    recipe.loss(network, recipe.collate(SAMPLES, RNG), RNG)
    latents, _, condition = seen[0]
    grid = network(torch.cat([torch.cat(list(noisy[0, :2]), -1), torch.cat(list(noisy[0, 2:]), -1)], -2)[None], times, condition)
    assert latents.shape == (1, 4, 16, 16)
    alone = network.base.backbone(noisy[:, 3], times, condition.prompts)
    torch.testing.assert_close(grid[:, :, 8:, 8:], alone, atol=1e-5, rtol=1e-5)
    assert (condition.prompts.pooled is None) == (prompts.pooled is None)


def control() -> Tensor:
    return control_from_views(render_sample("cup"))[None]
