"""micro_base: single pictures, text dropout, what trains."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.diffusion.text_to_image import TextToImage, load_text_to_image, save_vae
from models.micro.vae_recipe import seeded
from models.recipe import StepRandom
from models.registry import make_recipe
from tests.models.realiz3d.fabricated import SHAPE, matched_sample, small_base

SAMPLES = {"matched_real": [matched_sample("cup"), matched_sample("jug")]}
RNG = StepRandom(0, 0)


@pytest.fixture
def parents(tmp_path: Path) -> dict[str, Path]:
    with seeded("vae"):
        save_vae(small_base().vae.build(), tmp_path)
    return {"vae": tmp_path}


def recipe(**config: Any) -> Any:
    return make_recipe("micro_base", {"shape": SHAPE["transformer"], "picture_steps": 2, **config})


def test_only_the_transformer_trains(parents: dict[str, Path]) -> None:
    network = recipe().build(parents)
    trained = {name.split(".")[0] for name, weight in network.named_parameters() if weight.requires_grad}
    assert trained == {"backbone"}
    recipe().loss(network, recipe().collate(SAMPLES, RNG), RNG)[0].backward()
    assert all(weight.grad is not None for weight in network.backbone.parameters())


def test_every_picture_is_a_sample_of_its_own(parents: dict[str, Path]) -> None:
    made = recipe(text_dropout=0.0)
    network = made.build(parents)
    seen: list[Any] = []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    made.loss(network, made.collate(SAMPLES, RNG), RNG)
    noisy, timesteps, prompts = seen[0]
    assert noisy.shape == (8, 4, 8, 8) and len(set(timesteps.tolist())) > 4
    texts = [text for texts in made.collate(SAMPLES, RNG)["prompts"] for text in texts]
    assert [text[:10] for text in texts] == ["a blue cup"] * 4 + ["a blue jug"] * 4
    assert torch.equal(prompts.tokens, network.read(texts).tokens)


def test_loss_is_the_mean_over_samples_however_they_are_split(parents: dict[str, Path]) -> None:
    made = recipe()
    network = made.build(parents)
    whole = made.loss(network, made.collate(SAMPLES, RNG), RNG)[0]
    parts = []
    for place, sample in enumerate(SAMPLES["matched_real"]):
        rng = StepRandom(0, 0, places=[place])
        parts.append(made.loss(network, made.collate({"matched_real": [sample]}, rng), rng)[0])
    torch.testing.assert_close(whole, sum(parts) / 2, atol=1e-5, rtol=0)


def test_text_dropout_replaces_captions_by_the_null_prompt(parents: dict[str, Path]) -> None:
    made = recipe(text_dropout=1.0)
    network = made.build(parents)
    seen: list[Any] = []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
    made.loss(network, made.collate(SAMPLES, RNG), RNG)
    assert torch.equal(seen[0].tokens, network.read([""] * 8).tokens)


def test_picture_and_folder(parents: dict[str, Path], tmp_path: Path) -> None:
    made = recipe()
    network = made.build(parents).eval()
    assert made.picture(network, made.collate(SAMPLES, RNG), RNG).shape == (32, 32, 3)
    made.save(network, tmp_path / "base")
    again = load_text_to_image(tmp_path / "base")
    assert isinstance(again, TextToImage)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in network.state_dict().items())


def test_needs_a_vae() -> None:
    with pytest.raises(ValueError, match="'vae'"):
        recipe().build({})
