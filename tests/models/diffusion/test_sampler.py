"""DDIM against a Gaussian, whose exact noise prediction and exact answer are known."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from models.diffusion.ddpm import Ddpm
from models.diffusion.sampler import ddim_sample

MEAN, DEVIATION = 2.0, 0.5
KEPT = np.cumprod(1.0 - np.linspace(1e-4, 0.02, 1000))


def exact_noise(mean: float, deviation: float) -> Callable[[Tensor, int], Tensor]:
    """E[eps | x_t] when x_0 ~ N(mean, deviation^2): sqrt(1 - a) (x_t - sqrt(a) mean) / (a deviation^2 + 1 - a)."""

    def predict(noisy: Tensor, t: int) -> Tensor:
        a = float(KEPT[t])
        return (1 - a) ** 0.5 * (noisy - a**0.5 * mean) / (a * deviation**2 + 1 - a)

    return predict


# The probability flow takes x_T to mean + deviation (x_T - sqrt(a_T) mean) / sqrt(a_T deviation^2 + 1 - a_T); DDIM follows it to O(1 / steps).
@pytest.mark.parametrize(("steps", "tolerance"), [(50, 0.04), (200, 0.01), (1000, 0.002)])
def test_recovers_mean_and_deviation_of_a_gaussian(steps: int, tolerance: float) -> None:
    last = float(KEPT[-1])
    start = torch.tensor([-1.0, 0.0, 1.0])
    truth = MEAN + DEVIATION * (start - last**0.5 * MEAN) / (last * DEVIATION**2 + 1 - last) ** 0.5
    torch.testing.assert_close(ddim_sample(exact_noise(MEAN, DEVIATION), start, steps, Ddpm()), truth, atol=tolerance, rtol=0)
    assert (truth - (MEAN + DEVIATION * start)).abs().max() < 0.01  # so that N(0, 1) becomes N(mean, deviation^2)


def test_velocity_and_noise_lead_to_the_same() -> None:
    predict = exact_noise(MEAN, DEVIATION)

    def velocity(noisy: Tensor, t: int) -> Tensor:
        a = float(KEPT[t])
        clean = (noisy - (1 - a) ** 0.5 * predict(noisy, t)) / a**0.5
        return a**0.5 * predict(noisy, t) - (1 - a) ** 0.5 * clean

    start = torch.linspace(-2, 2, 5)
    torch.testing.assert_close(ddim_sample(velocity, start, 50, Ddpm("velocity")), ddim_sample(predict, start, 50, Ddpm()), atol=1e-4, rtol=0)


def test_a_point_distribution_is_hit_exactly() -> None:
    sampled = ddim_sample(exact_noise(MEAN, 0.0), torch.linspace(-3, 3, 7), 50, Ddpm())
    torch.testing.assert_close(sampled, torch.full((7,), MEAN), atol=1e-3, rtol=0)


def test_fifty_steps_start_at_the_last_timestep() -> None:
    assert Ddpm().sampling_timesteps(50) == list(range(999, 0, -20))
    assert Ddpm().sampling_timesteps(1) == [999]


@pytest.mark.parametrize("steps", [0, 1001])
def test_refuses_impossible_numbers_of_steps(steps: int) -> None:
    with pytest.raises(ValueError, match=str(steps)):
        Ddpm().sampling_timesteps(steps)
