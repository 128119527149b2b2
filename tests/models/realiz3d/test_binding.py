"""Draws of Representation Binding: ranges and probabilities of SPEC R6 and R7."""

import numpy as np
import pytest

from models.realiz3d.binding import draw_binding, last_block

DRAWS = [draw_binding(28, 0.4, 0.1, np.random.default_rng([1, step])) for step in range(6000)]


# PixArt-Sigma has 28 blocks: 0.4 * 28 = 11.2. Shares that floats miss (0.29 * 100 = 28.999...) still count as the integer they mean.
@pytest.mark.parametrize(
    ("blocks", "share", "expected"), [(28, 0.4, 11), (28, 0.3, 8), (8, 0.4, 3), (5, 0.4, 2), (100, 0.29, 29), (4, 0.0, 0), (4, 1.0, 3)]
)
def test_block_at_a_share(blocks: int, share: float, expected: int) -> None:
    assert last_block(blocks, share) == expected


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_shares_lie_between_none_and_all(share: float) -> None:
    with pytest.raises(ValueError, match=str(share)):
        last_block(28, share)


def test_frozen_blocks_are_uniform() -> None:
    """i in {0..11}, so that 1 to 12 blocks are frozen; each about 500 times of 6000, within 5 standard deviations."""
    counts = np.bincount([draw.frozen_blocks for draw in DRAWS], minlength=13)
    assert counts[0] == 0 and len(counts) == 13
    assert np.abs(counts[1:] - 500).max() < 5 * np.sqrt(500)


def test_reassignment_happens_one_time_in_ten_over_the_same_range() -> None:
    reassigned = [draw.reassigned_blocks for draw in DRAWS if draw.reassigned_blocks]
    assert abs(len(reassigned) - 600) < 5 * np.sqrt(600 * 0.9)
    assert set(reassigned) == set(range(1, 13))
    assert np.abs(np.bincount(reassigned, minlength=13)[1:] - len(reassigned) / 12).max() < 5 * np.sqrt(50)


def test_the_two_draws_are_independent() -> None:
    pairs = np.array([(draw.frozen_blocks, draw.reassigned_blocks) for draw in DRAWS if draw.reassigned_blocks])
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 5 / np.sqrt(len(pairs))


def test_probability_does_not_disturb_what_is_frozen() -> None:
    never = draw_binding(28, 0.4, 0.0, np.random.default_rng(3))
    always = draw_binding(28, 0.4, 1.0, np.random.default_rng(3))
    assert never.frozen_blocks == always.frozen_blocks
    assert never.reassigned_blocks == 0 < always.reassigned_blocks
