"""Rectified flow against Gaussians, whose exact velocity and exact answer are known, and against diffusers' scheduler."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.flux.pipeline_flux import calculate_shift
from torch import Tensor

from models.diffusion.flow_matching import RectifiedFlow, TokenShift
from models.diffusion.sampler import ddim_sample
from models.diffusion.schedule import diffusion_loss
from models.recipe import StepRandom

MEAN, DEVIATION = 2.0, 0.5
SHIFTED = RectifiedFlow(3.0)


def exact_velocity(mean: float, deviation: float) -> Callable[[Tensor, float], Tensor]:
    """E[eps - x_0 | x_t] when x_0 ~ N(mean, deviation^2): -mean + (s - (1 - s) deviation^2) (x_t - (1 - s) mean) / ((1 - s)^2 deviation^2 + s^2)."""

    def predict(noisy: Tensor, t: float) -> Tensor:
        s = t / 1000
        slope = (s - (1 - s) * deviation**2) / ((1 - s) ** 2 * deviation**2 + s**2)
        return slope * (noisy - (1 - s) * mean) - mean

    return predict


# The flow takes x_1 to mean + deviation x_1; Euler follows it to O(1 / steps).
@pytest.mark.parametrize("schedule", [RectifiedFlow(), SHIFTED, RectifiedFlow(by_tokens=TokenShift())])
@pytest.mark.parametrize(("steps", "tolerance"), [(50, 0.06), (200, 0.015), (1000, 0.003)])
def test_recovers_mean_and_deviation_of_a_gaussian(schedule: RectifiedFlow, steps: int, tolerance: float) -> None:
    start = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 1, 8, 8)
    sampled = ddim_sample(exact_velocity(MEAN, DEVIATION), start, steps, schedule)
    torch.testing.assert_close(sampled, MEAN + DEVIATION * start, atol=tolerance, rtol=0)


def test_a_point_distribution_is_hit_exactly() -> None:
    sampled = ddim_sample(exact_velocity(MEAN, 0.0), torch.linspace(-3, 3, 7), 10, SHIFTED)
    torch.testing.assert_close(sampled, torch.full((7,), MEAN), atol=1e-5, rtol=0)


def test_the_exact_velocity_is_the_best_a_network_can_say() -> None:
    """Its error is the variance of eps - x_0 given x_t, deviation^2 / ((1 - s)^2 deviation^2 + s^2); any other answer is further off."""
    rng = torch.Generator().manual_seed(0)
    clean, noise = MEAN + DEVIATION * torch.randn(200_000, 1, generator=rng), torch.randn(200_000, 1, generator=rng)
    exact = exact_velocity(MEAN, DEVIATION)
    for t in (100.0, 500.0, 900.0):
        times, s = torch.full((200_000,), t), t / 1000
        error = diffusion_loss(lambda noisy, _, t=t: exact(noisy, t), clean, noise, times, RectifiedFlow()).mean()
        truth = DEVIATION**2 / ((1 - s) ** 2 * DEVIATION**2 + s**2)
        assert abs(float(error) - truth) < 4 * truth * (2 / 200_000) ** 0.5
        assert diffusion_loss(lambda noisy, _, t=t: exact(noisy, t) + 0.1, clean, noise, times, RectifiedFlow()).mean() > error


def test_forward_process_and_target_are_diffusers_own() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    clean, noise = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    times = scheduler.timesteps[[0, 400, 999]]
    torch.testing.assert_close(SHIFTED.add_noise(clean, noise, times), scheduler.scale_noise(clean, times, noise))
    torch.testing.assert_close(SHIFTED.target(clean, noise, times), noise - clean)


def test_sampling_falls_strictly_from_1000_to_more_than_0_at_every_count_of_steps() -> None:
    for steps in range(1, 1001):
        timesteps = np.array(SHIFTED.sampling_timesteps(steps, (4, 8, 8)))
        assert len(timesteps) == steps and timesteps[0] == 1000 and timesteps[-1] > 0 and (np.diff(timesteps) < 0).all(), steps


@pytest.mark.parametrize("steps", [1, 4, 28])
def test_sampling_is_that_of_the_pipelines(steps: int) -> None:
    """FLUX's shift grows with the tokens, here 6 x 8 of them; SD3's is fixed."""
    sigmas = np.linspace(1.0, 1 / steps, steps)
    moving = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    moving.set_timesteps(sigmas=sigmas, mu=calculate_shift(48))
    fixed = FlowMatchEulerDiscreteScheduler(shift=3.0)
    fixed.set_timesteps(sigmas=sigmas)
    predict = exact_velocity(MEAN, DEVIATION)
    for schedule, scheduler in ((RectifiedFlow(by_tokens=TokenShift()), moving), (SHIFTED, fixed)):
        np.testing.assert_allclose(schedule.sampling_timesteps(steps, (1, 4, 12, 16)), scheduler.timesteps.numpy(), rtol=1e-6)
        latents = start = torch.randn(1, 4, 12, 16)
        for t in scheduler.timesteps:
            latents = scheduler.step(predict(latents, float(t)), t, latents).prev_sample
        torch.testing.assert_close(ddim_sample(predict, start, steps, schedule), latents, atol=1e-5, rtol=1e-5)


def test_training_times_are_logistic_normal_and_shifted() -> None:
    drawn = {shift: RectifiedFlow(shift).draw_timesteps(range(4000), StepRandom(0, 0)).double().numpy() / 1000 for shift in (1.0, 3.0)}
    normal = np.log(drawn[1.0] / (1 - drawn[1.0]))
    assert abs(normal.mean()) < 4 / 4000**0.5 and abs(normal.std() - 1) < 4 / 8000**0.5
    np.testing.assert_allclose(np.log(drawn[3.0] / (1 - drawn[3.0])) - normal, np.log(3.0), atol=1e-3)  # a shift moves the logit by log m
    assert drawn[3.0].min() > 0 and drawn[3.0].max() < 1


def test_draws_depend_on_the_place_of_a_sample_alone() -> None:
    whole, part = StepRandom(3, 5, places=[4, 5, 6, 7]), StepRandom(3, 5, places=[6, 7])
    assert torch.equal(SHIFTED.draw_timesteps(range(2, 4), whole), SHIFTED.draw_timesteps(range(2), part))
    assert SHIFTED.draw_timesteps(range(4), whole, each=3).shape == (12,)


def test_refuses_impossible_numbers_of_steps() -> None:
    with pytest.raises(ValueError, match="1001"):
        SHIFTED.sampling_timesteps(1001, (1, 1, 1, 1))
