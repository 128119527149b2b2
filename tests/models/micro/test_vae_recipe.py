"""micro_vae: its loss, the statistics of its latents, what it saves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.diffusion.latents import encode
from models.diffusion.text_to_image import load_vae
from models.micro.vae_recipe import VaeNetwork, edge_distance
from models.recipe import StepRandom
from models.registry import make_recipe
from tests.models.realiz3d.fabricated import SHAPE, matched_sample, render_sample

SAMPLES = {"render": [render_sample("cup"), render_sample("jug")], "matched_real": [matched_sample("cup"), matched_sample("jug")]}
RNG = StepRandom(0, 0)


def recipe(**config: Any) -> Any:
    return make_recipe("micro_vae", {"shape": SHAPE["vae"], **config})


def test_pictures_come_from_both_sources_and_from_the_maps() -> None:
    seen = {"rgb": False, "normal": False, "position": False}
    for step in range(30):
        pixels = recipe().collate(SAMPLES, StepRandom(0, step))["pixels"]
        assert pixels.shape == (4, 2, 3, 16, 16) and pixels.min() >= -1 and pixels.max() <= 1
        for name in seen:
            stored = SAMPLES["render"][0][f"front.{name}.png"]
            if name != "rgb":
                stored = torch.from_numpy(stored.astype(np.float32) / np.iinfo(stored.dtype).max * 2 - 1).permute(2, 0, 1)
                seen[name] |= any(torch.allclose(picture, stored, atol=1e-5) for picture in pixels[0])
    assert seen["normal"] and seen["position"]


def test_loss_is_its_formula() -> None:
    made = recipe(square_weight=3.0, edge_weight=2.0, kl_weight=0.1)
    network = made.build({})
    loss, parts = made.loss(network, made.collate(SAMPLES, RNG), RNG)
    torch.testing.assert_close(loss, parts["l1"] + 3.0 * parts["square"] + 2.0 * parts["edge"] + 0.1 * parts["kl"])
    posterior = network.vae.encode(made.collate(SAMPLES, RNG)["pixels"].flatten(0, 1)).latent_dist
    kl = 0.5 * (posterior.mean**2 + posterior.var - 1 - posterior.logvar).mean()
    torch.testing.assert_close(parts["kl"], kl)


def test_edge_distance_is_zero_for_a_change_of_brightness() -> None:
    picture = torch.rand(1, 3, 8, 8)
    assert edge_distance(picture, picture + 0.25) < 1e-6
    step = torch.zeros(1, 3, 8, 8)
    step[..., 4:] = 1.0
    assert edge_distance(step, torch.zeros_like(step)) == pytest.approx(1 / 7)  # one of 7 differences along a row


def test_training_lowers_the_loss() -> None:
    made = recipe()
    network = made.build({})
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss, _ = made.loss(network, made.collate(SAMPLES, RNG), RNG)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_running_statistics_are_unbiased_from_the_first_step() -> None:
    network = recipe().build({})
    latents = torch.randn(64, 4, 8, 8) * torch.tensor([1.0, 2.0, 3.0, 4.0]).view(4, 1, 1) + 5.0
    for _ in range(3):
        network.observe(latents, memory=0.98)
    config = network.standardised().config
    np.testing.assert_allclose(config.latents_mean, latents.mean((0, 2, 3)), atol=1e-3)
    np.testing.assert_allclose(config.latents_std, latents.std((0, 2, 3)), rtol=1e-3)


def test_statistics_are_part_of_a_checkpoint() -> None:
    assert {"mean", "square", "weight"} <= set(recipe().build({}).state_dict())


def test_saved_vae_gives_latents_of_unit_variance(tmp_path: Path) -> None:
    made = recipe()
    network = made.build({})
    batch = made.collate(SAMPLES, RNG)
    made.loss(network, batch, RNG)
    made.save(network, tmp_path)
    latents = encode(load_vae(tmp_path), batch["pixels"].flatten(0, 1))
    np.testing.assert_allclose(latents.mean((0, 2, 3)), np.zeros(4), atol=1e-4)
    np.testing.assert_allclose(latents.std((0, 2, 3)), np.ones(4), atol=1e-2)


def test_picture_shows_what_goes_in_above_what_comes_out() -> None:
    made = recipe()
    network = made.build({})
    assert isinstance(network, VaeNetwork)
    batch = made.collate(SAMPLES, RNG)
    made.loss(network, batch, RNG)
    shown = made.picture(network.eval(), batch, RNG)
    assert shown.shape == (32, 8 * 16, 3)
    first = ((batch["pixels"][0, 0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    assert np.array_equal(shown[:16, :16], first)
