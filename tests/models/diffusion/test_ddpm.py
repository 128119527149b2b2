"""The forward process against its closed form, and the loss."""

import itertools

import numpy as np
import torch

from models.diffusion.ddpm import Ddpm
from models.diffusion.schedule import diffusion_loss, draw_noise
from models.recipe import StepRandom

BETAS = np.linspace(1e-4, 0.02, 1000)
KEPT = np.cumprod(1.0 - BETAS)


def test_forward_process_has_the_moments_of_its_closed_form() -> None:
    seen = {}
    clean = torch.full((60000, 1), 3.0)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((60000, 1))).float()
    for t in (0, 300, 999):
        diffusion_loss(lambda noisy, times, t=t: seen.setdefault(t, noisy), clean, noise, torch.full((60000,), t), Ddpm())
        # 4 standard errors of a mean and of a variance of 60,000 draws
        assert abs(float(seen[t].mean()) - 3.0 * np.sqrt(KEPT[t])) < 4 * np.sqrt((1 - KEPT[t]) / 60000)
        assert abs(float(seen[t].var()) - (1 - KEPT[t])) < 4 * (1 - KEPT[t]) * np.sqrt(2 / 60000) + 1e-6


def test_schedule_is_the_linear_one() -> None:
    np.testing.assert_allclose([Ddpm().kept(t) for t in range(1000)], KEPT, rtol=1e-4)


def test_whoever_plans_first_leaves_numbers_behind() -> None:
    schedule = Ddpm(beta_last=0.0123)  # nobody else has asked for this one
    with torch.device("meta"):
        assert schedule.add_noise(torch.zeros(2, 4), torch.zeros(2, 4), torch.zeros(2, dtype=torch.long)).device.type == "meta"
    assert 0 < schedule.kept(999) < schedule.kept(0) < 1


def test_loss_is_the_mean_square_per_sample() -> None:
    clean, noise = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    times = torch.tensor([0, 500, 999])
    assert diffusion_loss(lambda noisy, t: noise, clean, noise, times, Ddpm()).tolist() == [0.0, 0.0, 0.0]
    errors = diffusion_loss(lambda noisy, t: torch.zeros_like(noisy), clean, noise, times, Ddpm())
    torch.testing.assert_close(errors, (noise**2).mean((1, 2, 3)))


def test_velocity_is_noise_less_signal() -> None:
    clean, noise = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    times = torch.tensor([0, 500, 999])
    a = torch.tensor(KEPT[times.numpy()]).float().view(3, 1, 1, 1)
    velocity = a.sqrt() * noise - (1 - a).sqrt() * clean
    assert diffusion_loss(lambda noisy, t: velocity, clean, noise, times, Ddpm("velocity")).max() < 1e-9


def test_draws_depend_on_the_place_of_a_sample_alone() -> None:
    whole = StepRandom(3, 5, places=[4, 5, 6, 7])
    part = StepRandom(3, 5, places=[6, 7])
    assert torch.equal(draw_noise(range(2, 4), (2, 3), whole), draw_noise(range(2), (2, 3), part))
    assert torch.equal(Ddpm().draw_timesteps(range(2, 4), whole), Ddpm().draw_timesteps(range(2), part))
    assert Ddpm().draw_timesteps(range(4), whole, each=3).shape == (12,)


def test_timesteps_cover_their_range_evenly() -> None:
    drawn = Ddpm().draw_timesteps(range(4000), StepRandom(0, 0)).numpy()
    assert drawn.min() >= 0 and drawn.max() <= 999
    counts = np.histogram(drawn, bins=10, range=(0, 1000))[0]
    assert np.abs(counts - 400).max() < 5 * np.sqrt(400 * 0.9)


def test_sampling_falls_strictly_from_999_to_no_less_than_0_at_every_count_of_steps() -> None:
    for steps in range(1, 1001):
        timesteps = Ddpm().sampling_timesteps(steps)
        assert len(timesteps) == steps and timesteps[0] == 999 and timesteps[-1] >= 0, steps
        assert all(later < earlier for earlier, later in itertools.pairwise(timesteps)), steps
        even = [1000 * left / steps - 1 for left in range(steps, 0, -1)]
        np.testing.assert_allclose(timesteps, even, rtol=0, atol=0.5 + 1e-9)


def test_sampling_of_trained_models_stays_what_it_was() -> None:
    """All of np.arange from 1000 down to 0, which has one value too many, -1 after rounding, at 62 counts of steps."""
    rounded = {steps: np.round(np.arange(1000, 0, -1000 / steps)) - 1 for steps in range(1, 1001)}
    right = [steps for steps, timesteps in rounded.items() if len(timesteps) == steps]
    assert len(right) == 938
    assert all(Ddpm().sampling_timesteps(steps) == rounded[steps].tolist() for steps in right)
