"""SDEdit (SPEC R11): one noise for the tiles of a grid, each denoised alone by the base; against a sampler written out by hand."""

import numpy as np
import pytest
import torch

from models.diffusion.pictures import to_pixels, to_uint8
from models.diffusion.text_to_image import TextToImage
from models.micro.vae_recipe import seeded
from models.realiz3d.sampling import SamplingSettings
from models.realiz3d.sdedit import refine_views
from tests.models.realiz3d.fabricated import small_base

VIEWS = np.random.default_rng(0).integers(0, 256, (2, 4, 16, 16, 3)).astype(np.uint8)
CAPTIONS = ["a red cup", "a jug"]
SETTINGS = SamplingSettings(steps=10, guidance=2.0)


@pytest.fixture(scope="module", params=["noise", "velocity"])
def base(request: pytest.FixtureRequest) -> TextToImage:
    with seeded("base"):
        return small_base(prediction=request.param).build().eval()


def streams() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in (1, 2)]


@torch.no_grad()
def by_hand(base: TextToImage, view: np.ndarray, caption: str, noise: np.ndarray, timesteps: list[int]) -> np.ndarray:
    """One picture alone: x_t = sqrt(a) x_0 + sqrt(1 - a) eps, then DDIM steps in double precision, guidance 2."""
    signal = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    x = base.encode(to_pixels(torch.from_numpy(view).movedim(-1, 0))[None]).double()
    x = signal[timesteps[0]] ** 0.5 * x + (1 - signal[timesteps[0]]) ** 0.5 * torch.from_numpy(noise)[None].double()
    for t, following in zip(timesteps, [*timesteps[1:], None]):
        text, null = (base.backbone(x.float(), torch.tensor([t]), base.read([words])).double() for words in (caption, ""))
        said = null + 2.0 * (text - null)
        a, b = signal[t] ** 0.5, (1 - signal[t]) ** 0.5
        eps = said if base.schedule.prediction == "noise" else a * said + b * x
        clean = (x - b * eps) / a
        after = 1.0 if following is None else signal[following]
        x = after**0.5 * clean + (1 - after) ** 0.5 * eps
    return to_uint8(base.decode(x.float()))[0]


def test_each_tile_is_a_picture_of_the_base_from_the_noise_of_its_grid(base: TextToImage) -> None:
    """10 steps from 999 in hundreds: 499 is the first below 500."""
    refined = refine_views(base, VIEWS, CAPTIONS, SETTINGS, streams())
    assert refined.shape == VIEWS.shape and refined.dtype == np.uint8
    for k, stream in enumerate(streams()):
        noise = stream.standard_normal((4, 8, 8), dtype=np.float32)
        for tile in range(4):
            alone = by_hand(base, VIEWS[k, tile], CAPTIONS[k], noise, [499, 399, 299, 199, 99])
            assert np.abs(refined[k, tile].astype(int) - alone.astype(int)).max() <= 1


def test_equal_tiles_stay_equal_and_others_do_not_matter(base: TextToImage) -> None:
    same = np.repeat(VIEWS[:1, :1], 4, axis=1)
    refined = refine_views(base, same, CAPTIONS[:1], SETTINGS, np.random.default_rng(1))
    assert all(np.abs(refined[0, 0].astype(int) - refined[0, tile].astype(int)).max() <= 1 for tile in range(4))
    changed = same.copy()
    changed[0, 3] = 255
    assert np.abs(refine_views(base, changed, CAPTIONS[:1], SETTINGS, np.random.default_rng(1))[0, :3].astype(int) - refined[0, :3]).max() <= 1


def test_start_decides_how_much_is_left(base: TextToImage) -> None:
    """Just above the last timestep the views come back as the VAE knows them; from the top nothing of them is left."""
    known = to_uint8(base.decode(base.encode(to_pixels(torch.from_numpy(VIEWS[0]).movedim(-1, 1)))))
    close = refine_views(base, VIEWS[:1], CAPTIONS[:1], SamplingSettings(steps=1000), np.random.default_rng(1), start=1)[0]
    assert np.abs(close.astype(int) - known.astype(int)).mean() < 3
    first, second = (refine_views(base, views, CAPTIONS[:1], SETTINGS, np.random.default_rng(1), start=1000) for views in (VIEWS[:1], VIEWS[1:]))
    assert np.abs(first.astype(int) - second.astype(int)).mean() < np.abs(VIEWS[0].astype(int) - VIEWS[1]).mean() / 4


def test_what_does_not_fit_is_refused(base: TextToImage) -> None:
    with pytest.raises(ValueError, match="2 objects for 1 captions"):
        refine_views(base, VIEWS, CAPTIONS[:1], SETTINGS, streams())
    with pytest.raises(ValueError, match="below timestep 50"):
        refine_views(base, VIEWS, CAPTIONS, SETTINGS, streams(), start=50)
    with pytest.raises(ValueError, match="1 generators for 2"):
        refine_views(base, VIEWS, CAPTIONS, SETTINGS, streams()[:1])
