"""The feature picture (appendix A.1): components against scikit-learn's, features against the blocks' own outputs, rows in the paper's order."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from models.diffusion.text_to_image import TextToImage
from models.micro.vae_recipe import seeded
from models.realiz3d.feature_picture import STYLES, Features, collect_features, depths, feature_picture, principal_colours, styled
from tests.models.realiz3d.fabricated import small_base

PROMPTS = ["a red cup", "a jug", "a blue chair"]


def streams() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(len(PROMPTS))]


@pytest.fixture(scope="module")
def base() -> TextToImage:
    with seeded("base"):
        return small_base().build().eval()


def test_colours_are_principal_components() -> None:
    """Every channel is scikit-learn's component stretched to [0, 1], or its mirror image (1e-5)."""
    rng = np.random.default_rng(0)
    maps = (rng.standard_normal((2, 4, 5, 7)) * np.arange(1, 8)).astype(np.float32)
    colours = principal_colours(maps)
    assert colours.shape == (2, 4, 5, 3) and colours.min() == 0 and colours.max() == 1
    scores = PCA(3).fit_transform(maps.reshape(-1, 7))
    stretched = (scores - scores.min(0)) / np.ptp(scores, axis=0)
    for channel in range(3):
        ours, theirs = colours[..., channel].ravel(), stretched[:, channel]
        assert min(np.abs(ours - theirs).max(), np.abs(ours - (1 - theirs)).max()) < 1e-5


def test_colours_do_not_depend_on_the_sign_that_svd_finds() -> None:
    """Reversing the order of tokens changes nothing but their order; constant features are black."""
    maps = np.random.default_rng(1).standard_normal((1, 3, 3, 5)).astype(np.float32)
    torch.testing.assert_close(
        torch.from_numpy(principal_colours(maps)[:, ::-1, ::-1].copy()), torch.from_numpy(principal_colours(maps[:, ::-1, ::-1]))
    )
    assert not principal_colours(np.ones((1, 2, 2, 4), np.float32)).any()


def test_features_leave_the_blocks_at_the_nearest_timesteps(base: TextToImage) -> None:
    """20 steps visit 799, 699, 499 and 199; the second half of a guided batch is the one with the text."""
    seen: dict[tuple[int, int], torch.Tensor] = {}
    times: list[int] = []
    blocks = base.backbone.transformer.transformer_blocks
    hooks = [base.backbone.register_forward_pre_hook(lambda _, inputs: times.append(int(inputs[1][0])))]
    for index in range(5):
        keep = lambda _, inputs, output, index=index: seen.__setitem__((times[-1], index), output)  # noqa: E731
        hooks.append(blocks[index].register_forward_hook(keep))
    features = collect_features(base, PROMPTS, 3.0, streams())
    for hook in hooks:
        hook.remove()
    assert set(features.maps) == {(t, block) for t in (800, 700, 500, 200) for block in (0, 2, 4)}
    for (t, block), tokens in features.maps.items():
        assert np.array_equal(tokens.reshape(3, 16, -1), seen[t - 1, block][3:].numpy())
    assert features.pictures.shape == (3, 16, 16, 3)


def test_looking_on_does_not_change_the_pictures(base: TextToImage) -> None:
    first, second = (collect_features(base, PROMPTS, 1.0, streams(), timesteps) for timesteps in ((800, 200), ()))
    assert np.array_equal(first.pictures, second.pictures) and len(first.maps) == 6 and not second.maps


def test_rows_run_from_noise_down_and_from_early_to_late_blocks() -> None:
    """Each map has its own pattern: the first column of every row tells which map it is."""
    patterns = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 0]])
    order = [(800, 0), (800, 4), (200, 0), (200, 4)]
    tokens = [np.repeat(pattern[None, :, None, None], 2, axis=2) * np.array([1.0, 0.0, 0.0], np.float32) for pattern in patterns]
    maps = dict(zip(order, tokens))
    shuffled = {at: maps[at] for at in [order[2], order[1], order[3], order[0]]}
    picture = feature_picture(Features(shuffled, np.full((1, 6, 4, 3), 9, np.uint8)))
    assert picture.shape == (5 * 6, 4, 3) and (picture[:6] == 9).all()
    assert np.array_equal(picture[6:, 0, 0].reshape(4, 6)[:, ::2] / 255, patterns) and not picture[6:, :, 1:].any()


def test_depths_and_styles() -> None:
    assert depths(28) == (0, 14, 27) and depths(5) == (0, 2, 4)
    prompts = styled(["a cup"] * 7)
    assert prompts[0] == "a cup, photorealistic" and prompts[5] == prompts[0] and len(set(prompts)) == len(STYLES)
