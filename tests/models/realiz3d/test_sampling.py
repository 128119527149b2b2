"""Inference-time domain shifting by block and timestep (SPEC R8), guidance, and what comes out."""

import numpy as np
import pytest
import torch
from torch import Tensor

from models.realiz3d.conditioning import Condition, control_from_views
from models.realiz3d.network import Realiz3D
from models.realiz3d.sampling import SamplingSettings, sample_tiles, sample_views, shifted_blocks
from tests.models.realiz3d.fabricated import render_sample, small_model, stirred

CONTROL = torch.stack([control_from_views(render_sample(key)) for key in ("cup", "jug")])
CAPTIONS = ["a red cup", "a jug"]
PAPER = SamplingSettings()


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


# 28 blocks, B_max = 8 (0.3 * 28 = 8.4), t_max = 950: 9 blocks are synthetic below 950, all from 950 on.
@pytest.mark.parametrize(("timestep", "expected"), [(999, 28), (950, 28), (949, 9), (500, 9), (0, 9)])
def test_schedule_of_the_paper(timestep: int, expected: int) -> None:
    assert shifted_blocks(28, timestep, PAPER) == expected


@pytest.mark.parametrize(
    ("share", "threshold", "timestep", "expected"),
    [(0.0, 950, 949, 0), (0.0, 950, 950, 10), (0.1, 1001, 999, 2), (0.4, 800, 799, 5), (0.4, 800, 800, 10), (1.0, 1001, 0, 10)],
)
def test_schedule_of_other_settings(share: float, threshold: int, timestep: int, expected: int) -> None:
    assert shifted_blocks(10, timestep, SamplingSettings(layer_share=share, time_threshold=threshold)) == expected


class Spy:
    """Records the calls of a model's forward pass."""

    def __init__(self, model: Realiz3D) -> None:
        self.calls: list[tuple[Tensor, Tensor, Condition]] = []
        model.register_forward_pre_hook(lambda _, inputs: self.calls.append(inputs))


def test_every_step_uses_the_domains_of_the_schedule() -> None:
    model = small_model()
    spy = Spy(model)
    sample_views(model, CONTROL, CAPTIONS, SamplingSettings(steps=50), rng())
    assert len(spy.calls) == 50
    for _, timesteps, condition in spy.calls:
        t = int(timesteps[0])
        synthetic = 5 if t >= 950 else 2  # 5 blocks, B_max = 1
        assert condition.domains.tolist() == [[0] * synthetic + [1] * (5 - synthetic)] * 4
    assert sum(int(times[0]) >= 950 for _, times, _ in spy.calls) == 3  # 999, 979, 959


def test_guidance_touches_the_text_alone() -> None:
    model = small_model()
    spy = Spy(model)
    sample_views(model, CONTROL, CAPTIONS, SamplingSettings(steps=1), rng())
    noisy, timesteps, condition = spy.calls[0]
    assert condition.multiview and condition.control is not None and condition.frozen_blocks == 0
    assert torch.equal(noisy[:2], noisy[2:]) and torch.equal(condition.control[:2], condition.control[2:])
    assert timesteps.tolist() == [999] * 4
    assert torch.equal(condition.prompts.tokens, model.base.read(["", "", *CAPTIONS]).tokens)
    assert torch.equal(condition.control[:2], model.encode_control(CONTROL))


def test_tiles_are_sampled_without_control_each_by_itself() -> None:
    model = small_model()
    spy = Spy(model)
    pictures = sample_tiles(model, "synthetic", CAPTIONS, SamplingSettings(steps=2), rng())
    assert pictures.shape == (2, 4, 16, 16, 3)
    assert all(call[2].control is None and not call[2].multiview and not call[2].domains.any() for call in spy.calls)


@pytest.mark.parametrize("side", [16, 32])
def test_views_are_as_large_as_their_control(side: int) -> None:
    control = control_from_views(render_sample("cup", side))[None]
    views = sample_views(small_model(), control, ["a cup"], SamplingSettings(steps=2), rng())
    assert views.shape == (1, 4, side, side, 3) and views.dtype == np.uint8


def test_same_noise_same_views_and_settings_matter() -> None:
    model = stirred(small_model())
    first = sample_views(model, CONTROL, CAPTIONS, SamplingSettings(steps=3), rng())
    assert np.array_equal(first, sample_views(model, CONTROL, CAPTIONS, SamplingSettings(steps=3), rng()))
    for changed in (SamplingSettings(steps=3, guidance=1.0), SamplingSettings(steps=3, layer_share=1.0), SamplingSettings(3, 4.5, 0.3, 1001)):
        assert not np.array_equal(first, sample_views(model, CONTROL, CAPTIONS, changed, rng()))
    assert not np.array_equal(first, sample_views(model, CONTROL.flip(0), CAPTIONS, SamplingSettings(steps=3), rng()))


def test_a_sample_with_its_own_generator_does_not_depend_on_its_batch() -> None:
    model = stirred(small_model())
    streams = [np.random.default_rng(seed) for seed in (1, 2)]
    together = sample_views(model, CONTROL, CAPTIONS, SamplingSettings(steps=3), streams)
    alone = sample_views(model, CONTROL[1:], CAPTIONS[1:], SamplingSettings(steps=3), [np.random.default_rng(2)])
    assert np.abs(together[1].astype(int) - alone[0].astype(int)).max() <= 1
    with pytest.raises(ValueError, match="1 generators for 2"):
        sample_views(model, CONTROL, CAPTIONS, SamplingSettings(steps=3), [rng()])


def test_viewpoints_control_too() -> None:
    model = stirred(small_model(control="viewpoint"))
    viewpoints = control_from_views(render_sample("cup"), "viewpoint")[None]
    first = sample_views(model, viewpoints, ["a cup"], SamplingSettings(steps=2), rng())
    assert first.shape == (1, 4, 16, 16, 3)
    assert not np.array_equal(first, sample_views(model, viewpoints.roll(1, 1), ["a cup"], SamplingSettings(steps=2), rng()))


def test_captions_and_controls_must_match() -> None:
    with pytest.raises(ValueError, match="2 controls for 1 captions"):
        sample_views(small_model(), CONTROL, ["a cup"], PAPER, rng())
