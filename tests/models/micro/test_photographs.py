"""Training pictures of the base: backdrops, compositing, and prompts that say what is seen."""

import numpy as np
import pytest

from models.diffusion.picture_sampling import BACKGROUND, PHRASE, photographic_prompt
from models.diffusion.pictures import on_white
from models.micro.photographs import BACKDROPS, before, draw_backdrop, draw_photographs, prompt_for
from tests.models.realiz3d.fabricated import matched_sample


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_white_is_white_and_colours_are_near_their_name() -> None:
    assert (draw_backdrop("white", 16, rng()) == 255).all()
    for name, colour in BACKDROPS.items():
        means = np.mean([draw_backdrop(name, 16, rng(seed)).mean((0, 1)) for seed in range(50)], axis=0)
        np.testing.assert_allclose(means, np.minimum(colour, 255), atol=25)


def test_compositing_on_white_is_that_of_all_other_readers() -> None:
    rgba = rng().integers(0, 256, (16, 16, 4)).astype(np.uint8)
    difference = before(rgba, draw_backdrop("white", 16, rng())).astype(int) - on_white(rgba)
    assert np.abs(difference).max() <= 1  # rounding


def test_opaque_hides_the_backdrop_and_transparent_shows_it() -> None:
    rgba = rng().integers(0, 256, (8, 8, 4)).astype(np.uint8)
    backdrop = draw_backdrop("red", 8, rng())
    rgba[:4, :, 3], rgba[4:, :, 3] = 255, 0
    seen = before(rgba, backdrop)
    assert np.array_equal(seen[:4], rgba[:4, :, :3]) and np.array_equal(seen[4:], backdrop[4:])


def test_white_is_always_named_and_other_backdrops_never_wrongly() -> None:
    white = [prompt_for("a cup", "front", "white", rng(seed)) for seed in range(200)]
    blue = [prompt_for("a cup", "front", "blue", rng(seed)) for seed in range(200)]
    assert all(prompt.endswith(BACKGROUND) for prompt in white)
    assert not any(BACKGROUND in prompt for prompt in blue)
    for words, share in (("blue background", 0.7), ("front view", 0.5), (PHRASE, 0.5)):
        assert np.mean([words in prompt for prompt in blue]) == pytest.approx(share, abs=0.12)  # 3.4 standard deviations of 200 draws


def test_photographs_match_their_prompts() -> None:
    sample = matched_sample("cup")
    for key in [key for key in sample if key.endswith("png")]:
        sample[key][..., 3] = 0
    for seed in range(30):
        levels, prompts = draw_photographs(sample, [2, 0], rng(seed))
        assert levels.shape == (2, 3, 16, 16) and levels.dtype == np.uint8
        for picture, prompt, word in zip(levels, prompts, ("back", "front")):
            assert prompt.startswith("a blue cup") and (picture == 255).all() == (BACKGROUND in prompt)
            assert (" view" in prompt) <= (f"{word} view" in prompt)


def test_what_a_base_is_asked_for_is_among_its_training_prompts() -> None:
    drawn = {prompt_for("a cup", "front", "white", rng(seed)) for seed in range(100)}
    assert {photographic_prompt("a cup"), photographic_prompt("a cup", "front")} <= drawn
