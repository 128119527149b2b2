"""The layer-selective study (appendix A.2): each half of the blocks learns from its own domain, and from nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.realiz3d.methods import load_method
from models.realiz3d.network import Realiz3D
from models.realiz3d.sampling import SamplingSettings, control_from_views, sample_tiles, sample_views
from models.recipe import StepRandom
from models.registry import make_recipe
from tests.models.realiz3d.fabricated import SHAPE, render_sample
from tests.models.realiz3d.test_recipe import RNG, SAMPLES, gradients, spied

PREFIX = "base.backbone.transformer."
EARLY = ("pos_embed.", "adaln_single.", "caption_projection.", "transformer_blocks.0.", "transformer_blocks.1.")


def study(**config: Any) -> Any:
    return make_recipe("realiz3d_layers", {"random_base": SHAPE, "picture_steps": 2, **config})


def halves(found: dict[str, Tensor]) -> tuple[set[str], set[str]]:
    early = {name for name in found if name.startswith(tuple(PREFIX + part for part in EARLY))}
    return early, set(found) - early


def alone(network: Realiz3D, part: Any, first: int) -> dict[str, Tensor]:
    """Gradients when every block may learn from the samples of one source, which stand at place `first` of the batch."""
    network.zero_grad(set_to_none=True)
    study(selective=False).loss(network, part, StepRandom(0, 3, first=first))[0].backward()
    return {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}


def test_each_half_gets_the_gradient_of_its_own_domain() -> None:
    """Of 5 blocks the first 2 and the embeddings: in a batch of 2 + 2 the gradient of the 2 synthetic samples over 4; the others that of the real."""
    chosen = study()
    network = chosen.build({})
    batch = chosen.collate(SAMPLES, RNG)
    both = gradients(chosen, network, batch)
    early, late = halves(both)
    assert early | late == {name for name, weight in network.named_parameters() if weight.requires_grad}
    synthetic, real = alone(network, {"render": batch["render"]}, 0), alone(network, {"matched_real": batch["matched_real"]}, 2)
    assert all(both[name].any() for name in both)
    for name, of_domain in [(name, synthetic) for name in early] + [(name, real) for name in late]:
        torch.testing.assert_close(both[name], of_domain[name] / 2, atol=1e-7, rtol=1e-4)


def test_no_control_and_no_other_view() -> None:
    chosen = study()
    network = chosen.build({})
    conditions = spied(chosen, network, chosen.collate(SAMPLES, RNG))
    assert [(c.control, c.multiview, c.frozen_blocks) for c in conditions] == [(None, False, 0), (None, False, 2)]


def test_the_comparison_learns_everywhere_from_synthetic_pictures() -> None:
    chosen = study(selective=False)
    assert [source.word for source in chosen.sources] == ["render"]
    network = chosen.build({})
    found = gradients(chosen, network, chosen.collate({"render": SAMPLES["render"]}, RNG))
    assert set(found) == {name for name, weight in network.named_parameters() if weight.requires_grad} and all(g.any() for g in found.values())


def test_pictures(tmp_path: Path) -> None:
    """What is sampled for a table are single pictures, each as if it were alone, whatever the control."""
    chosen = study()
    network = chosen.build({}).eval()
    assert chosen.picture(network, chosen.collate(SAMPLES, RNG), RNG).shape == (2 * 16, 4 * 16, 3)
    chosen.save(network, tmp_path)
    control = torch.stack([control_from_views(render_sample(key)) for key in ("cup", "jug")])
    settings, captions = SamplingSettings(steps=2), ["a cup"] * 2
    views = sample_views(load_method(tmp_path), control[:1], captions[:1], settings, np.random.default_rng(1))
    assert np.array_equal(views, sample_views(network, control[1:], captions[:1], settings, np.random.default_rng(1)))
    assert np.array_equal(views, sample_tiles(network, "real", captions[:1], settings, np.random.default_rng(1)))


def test_recomputed_blocks_are_refused() -> None:
    chosen = study()
    network = chosen.build({})
    network.enable_gradient_checkpointing()
    with pytest.raises(ValueError, match="gradient_checkpointing"):
        chosen.loss(network, chosen.collate(SAMPLES, RNG), RNG)
