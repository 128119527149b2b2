"""One number for the inference-time shifting of SPEC R8: its three marks, and nothing but growth in between."""

import numpy as np
import pytest

from models.realiz3d.realism import PAPER, with_realism
from models.realiz3d.sampling import SamplingSettings, shifted_blocks

TUNED = SamplingSettings(steps=50, layer_share=0.3, time_threshold=950)
BLOCKS, TIMESTEPS = 28, range(1000)


def real_share(real: float) -> float:
    """The part of all (block, timestep) pairs that runs in the real domain."""
    moved = with_realism(TUNED, real)
    return 1.0 - np.mean([shifted_blocks(BLOCKS, t, moved) for t in TIMESTEPS]) / BLOCKS


def test_marks() -> None:
    assert real_share(0.0) == 0.0
    assert with_realism(TUNED, PAPER) == TUNED
    assert real_share(1.0) == 1.0


def test_grows_without_a_jump() -> None:
    shares = np.array([real_share(real) for real in np.linspace(0.0, 1.0, 201)])
    assert (np.diff(shares) >= 0.0).all()
    assert np.diff(shares).max() <= 1.0 / BLOCKS + 0.01  # one block at a time


def test_is_a_share_up_to_the_paper() -> None:
    for real in (0.2, 0.4, 0.6):
        assert real_share(real) == pytest.approx(real_share(PAPER) * real / PAPER, abs=2e-3)


@pytest.mark.parametrize("real", [-0.1, 1.1, float("nan")])
def test_outside_is_refused(real: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        with_realism(TUNED, real)
