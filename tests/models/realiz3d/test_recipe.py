"""The stages: what trains, what real samples may touch, and that a batch may be split over workers (SPEC R4 to R7)."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.realiz3d import recipe as recipe_module
from models.realiz3d.binding import Binding
from models.realiz3d.network import Realiz3D, load_model, save_model
from models.recipe import Batch, StepRandom
from models.registry import make_recipe
from tests.models.realiz3d.fabricated import SHAPE, matched_sample, render_sample, small_model, stirred

FIRST: dict[str, Any] = {"random_base": SHAPE, "picture_steps": 2}
SAMPLES = {"render": [render_sample("cup"), render_sample("jug")], "matched_real": [matched_sample("cup"), matched_sample("jug")]}
RNG = StepRandom(0, 3)


def stage1(**config: Any) -> Any:
    return make_recipe("realiz3d_stage1", {**FIRST, **config})


def stage2(**config: Any) -> Any:
    return make_recipe("realiz3d_stage2", {"picture_steps": 2, **config})


@pytest.fixture
def parents(tmp_path: Path) -> dict[str, Path]:
    """A model whose shifters and control already do something, as the parent of stage 2."""
    save_model(stirred(small_model()), tmp_path)
    return {"shifted": tmp_path}


def train_a_step(recipe: Any, network: Realiz3D, batch: Batch) -> dict[str, Tensor]:
    """The weights that one step of AdamW changes, by name; every trainable weight must have had a gradient."""
    before = copy.deepcopy(network.state_dict())
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, 1e-2, weight_decay=0.0)
    recipe.loss(network, batch, RNG)[0].backward()
    optimiser.step()
    return {name: value for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def test_stage1_moves_only_the_shifters() -> None:
    recipe = stage1()
    network = recipe.build({})
    batch = recipe.collate(SAMPLES, RNG)
    assert set(train_a_step(recipe, network, batch)) == {"shifters.left_NDR"}  # zero W_left: nothing else has a gradient yet
    assert set(train_a_step(recipe, network, batch)) == {"shifters.left_NDR", "shifters.right_NRD", "shifters.embeddings_NMD"}


def test_stage2_moves_the_backbone_and_the_control_and_never_the_shifters(parents: dict[str, Path]) -> None:
    recipe = stage2()
    network = recipe.build(parents)
    moved = set(train_a_step(recipe, network, recipe.collate(SAMPLES, RNG)))
    trained = {name for name in network.state_dict() if name.startswith(("base.backbone.", "control."))}
    assert moved == trained
    assert {name.split(".")[0] for name, weight in network.named_parameters() if not weight.requires_grad} == {"base", "shifters"}


def test_warmup_moves_only_the_transformer_on_real_samples() -> None:
    recipe = make_recipe("realiz3d_warmup", FIRST)
    assert [source.word for source in recipe.sources] == ["matched_real"]
    network = recipe.build({})
    assert isinstance(network, Realiz3D)
    moved = train_a_step(recipe, network, recipe.collate({"matched_real": SAMPLES["matched_real"]}, RNG))
    assert moved and all(name.startswith("base.backbone.") for name in moved)


def spied(recipe: Any, network: Realiz3D, batch: Batch) -> list[Any]:
    conditions: list[Any] = []
    handle = network.register_forward_pre_hook(lambda _, inputs: conditions.append(inputs[2]))
    recipe.loss(network, batch, RNG)
    handle.remove()
    return conditions


def test_stage1_sees_no_control_and_no_other_view() -> None:
    recipe = stage1()
    network = recipe.build({})
    conditions = spied(recipe, network, recipe.collate(SAMPLES, RNG))
    assert [(c.control, c.multiview, c.frozen_blocks) for c in conditions] == [(None, False, 0)] * 2
    assert [c.domains.unique().tolist() for c in conditions] == [[0], [1]]


def test_stage2_conditions_each_domain_as_the_paper_says(parents: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe_module, "draw_binding", lambda *_: Binding(frozen_blocks=2, reassigned_blocks=3))
    recipe = stage2()
    network = recipe.build(parents)
    synthetic, real = spied(recipe, network, recipe.collate(SAMPLES, RNG))
    assert synthetic.multiview and synthetic.control is not None and synthetic.frozen_blocks == 0
    assert synthetic.domains.tolist() == [[0] * 5] * 2
    assert not real.multiview and real.control is None and real.frozen_blocks == 2
    assert real.domains.tolist() == [[0, 0, 0, 1, 1]] * 2
    unbound = spied(stage2(layer_aware=False), network, recipe.collate(SAMPLES, RNG))[1]
    assert unbound.frozen_blocks == 0 and unbound.domains.tolist() == real.domains.tolist()


def test_binding_is_drawn_once_a_step_for_all_workers(parents: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(recipe_module, "draw_binding", lambda *arguments: drawn.append(arguments) or Binding(1, 0))
    recipe = stage2(layer_share=0.6, reassign_probability=0.25)
    network = recipe.build(parents)
    for worker in range(2):
        recipe.loss(network, recipe.collate(SAMPLES, RNG), StepRandom(0, 3, first=4 * worker))
    assert drawn[0][:3] == drawn[1][:3] == (5, 0.6, 0.25)
    assert drawn[0][3].random() == drawn[1][3].random()


def gradients(recipe: Any, network: Realiz3D, batch: Batch) -> dict[str, Tensor]:
    network.zero_grad(set_to_none=True)
    recipe.loss(network, batch, RNG)[0].backward()
    return {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}


def test_early_blocks_learn_from_synthetic_samples_alone(parents: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks 0..1 and the embeddings: in a mixed batch of 4 they get exactly the gradient of the 2 synthetic samples, over 4."""
    monkeypatch.setattr(recipe_module, "draw_binding", lambda *_: Binding(frozen_blocks=2, reassigned_blocks=0))
    recipe = stage2()
    network = recipe.build(parents)
    batch = recipe.collate(SAMPLES, RNG)
    both = gradients(recipe, network, batch)
    synthetic = gradients(recipe, network, {"render": batch["render"]})
    prefix = "base.backbone.transformer."
    below = ("pos_embed.", "adaln_single.", "caption_projection.", "transformer_blocks.0.", "transformer_blocks.1.")
    early = [name for name in both if name.startswith(tuple(prefix + part for part in below)) or name.startswith("control.")]
    late = [name for name in both if name not in early]
    assert early and late and both.keys() == synthetic.keys()
    assert all(both[name].any() and torch.equal(both[name], synthetic[name] / 2) for name in early)
    assert all(not torch.allclose(both[name], synthetic[name] / 2, rtol=1e-3, atol=0) for name in late)


def test_loss_is_the_mean_over_samples_however_they_are_split(parents: dict[str, Path]) -> None:
    """A batch of 2 + 2 in parts of 2 + 1 and 0 + 1, each sample at its place: the same loss and gradients (1e-5)."""
    recipe = stage2()
    network = recipe.build(parents)
    whole_rng = StepRandom(0, 3, places=[0, 2, 1, 3])
    whole = recipe.collate(SAMPLES, whole_rng)
    loss = recipe.loss(network, whole, whole_rng)[0]
    split: Any = 0.0
    for samples, places in [
        ({"render": SAMPLES["render"], "matched_real": SAMPLES["matched_real"][:1]}, [0, 2, 1]),
        ({"render": [], "matched_real": SAMPLES["matched_real"][1:]}, [3]),
    ]:
        rng = StepRandom(0, 3, places=places)
        part = recipe.collate(samples, rng)
        split = split + recipe.loss(network, part, rng)[0] * len(places) / 4
    assert torch.equal(part["matched_real"]["pixels"][0], whole["matched_real"]["pixels"][1])
    torch.testing.assert_close(loss, split, atol=1e-5, rtol=0)


def test_gradient_checkpointing_gives_the_same_gradients(parents: dict[str, Path]) -> None:
    recipe = stage2()
    network = recipe.build(parents)
    batch = recipe.collate(SAMPLES, RNG)
    plain = gradients(recipe, network, batch)
    network.enable_gradient_checkpointing()
    again = gradients(recipe, network, batch)
    assert plain.keys() == again.keys() and all(torch.equal(plain[name], again[name]) for name in plain)


def test_real_pictures_are_put_into_random_tiles() -> None:
    recipe = stage1()
    orders = set()
    pictures = recipe.collate(SAMPLES, StepRandom(0, 0))["matched_real"]["pixels"][0]
    for step in range(40):
        tiles = recipe.collate(SAMPLES, StepRandom(0, step))["matched_real"]["pixels"][0]
        orders.add(tuple(next(k for k in range(4) if torch.equal(tile, pictures[k])) for tile in tiles))
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders) and len(orders) > 12


def test_a_third_domain_trains(parents: dict[str, Path]) -> None:
    recipe = stage1(network={"domains": ["synthetic", "real", "randomly_lit"]})
    network = recipe.build({})
    samples = {"render": [render_sample("cup", domain="randomly_lit"), render_sample("jug")], "matched_real": SAMPLES["matched_real"]}
    for _ in range(2):
        train_a_step(recipe, network, recipe.collate(samples, RNG))
    assert network.shifters.embeddings_NMD.grad.abs().sum((0, 2)).min() > 0
    with pytest.raises(ValueError, match="'randomly_lit'"):
        stage1().loss(stage1().build({}), recipe.collate(samples, RNG), RNG)


def test_pictures_of_stage1_show_every_domain() -> None:
    recipe = stage1(network={"domains": ["synthetic", "real", "randomly_lit"]})
    network = recipe.build({}).eval()
    batch = recipe.collate(SAMPLES, RNG)
    for _ in range(2):
        train_a_step(recipe, network, batch)
    picture = recipe.picture(network, batch, RNG)
    assert picture.shape == (2 * 3 * 16, 4 * 16, 3)
    rows = picture.reshape(2, 3, 16, 64, 3)
    assert not any(np.array_equal(rows[:, a], rows[:, b]) for a, b in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("kind", ["maps", "viewpoint"])
def test_pictures_and_saving(kind: str, tmp_path: Path) -> None:
    first = stage1(network={"control": kind})
    network = first.build({}).eval()
    assert first.picture(network, first.collate(SAMPLES, RNG), RNG).shape == (2 * 2 * 16, 4 * 16, 3)
    first.save(network, tmp_path)
    second = stage2(control=kind)
    network = second.build({"shifted": tmp_path}).eval()
    batch = second.collate(SAMPLES, RNG)
    picture = second.picture(network, batch, RNG)
    assert picture.shape == (2 * 2 * 16, 4 * 16, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture, second.picture(network, batch, RNG))
    with pytest.raises(ValueError, match="made for"):
        stage2(control="viewpoint" if kind == "maps" else "maps").build({"shifted": tmp_path})


def test_stages_follow_each_other_through_their_folders(tmp_path: Path) -> None:
    warmup = make_recipe("realiz3d_warmup", FIRST)
    network = warmup.build({})
    assert isinstance(network, Realiz3D)
    train_a_step(warmup, network, warmup.collate({"matched_real": SAMPLES["matched_real"]}, RNG))
    warmup.save(network, tmp_path)
    started = make_recipe("realiz3d_stage1", {}).build({"base": tmp_path})
    assert isinstance(started, Realiz3D)
    assert torch.equal(started.base.backbone.transformer.proj_out.weight, load_model(tmp_path).base.backbone.transformer.proj_out.weight)
    assert not started.shifters.left_NDR.any()


@pytest.mark.parametrize(("name", "role"), [("realiz3d_warmup", "base"), ("realiz3d_stage1", "base"), ("realiz3d_stage2", "shifted")])
def test_missing_parents_are_named(name: str, role: str) -> None:
    with pytest.raises(ValueError, match=f"'{role}'"):
        make_recipe(name, {}).build({})


def test_building_is_deterministic_and_recipes_travel() -> None:
    recipe = pickle.loads(pickle.dumps(stage1()))
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = recipe.build({}).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    second = stage1().build({}).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
