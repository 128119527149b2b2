"""Stored maps come back within half a quantisation step, and what does not fit is refused."""

import numpy as np
import pytest

from data_specs import conventions
from data_specs.conventions import decode_depth, decode_normal, decode_position, encode_depth, encode_normal, encode_position


@pytest.fixture
def mask() -> np.ndarray:
    return np.random.default_rng(0).random((32, 32)) < 0.7


def test_position_round_trip(mask: np.ndarray) -> None:
    position = np.random.default_rng(1).uniform(-1, 1, (32, 32, 3)).astype(np.float32)
    back = decode_position(encode_position(position, mask), mask)
    assert np.abs(back - position)[mask].max() <= conventions.POSITION_SCALE / 2 + 1e-6
    assert not back[~mask].any()


def test_position_outside_the_object_frame_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match="canonical object frame"):
        encode_position(np.full((32, 32, 3), 1.5, np.float32), mask)


def test_normal_round_trip_within_half_a_degree(mask: np.ndarray) -> None:
    normal = np.random.default_rng(2).normal(size=(32, 32, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    back = decode_normal(encode_normal(normal, mask), mask)
    cosine = np.clip((back * normal).sum(-1)[mask], -1, 1)
    assert np.degrees(np.arccos(cosine)).max() < 0.5


def test_depth_round_trip_and_range() -> None:
    depth = np.random.default_rng(3).uniform(0, 15.9, (16, 16)).astype(np.float32)
    assert np.abs(decode_depth(encode_depth(depth)) - depth).max() <= conventions.DEPTH_SCALE / 2 + 1e-6
    with pytest.raises(ValueError, match="16-bit range"):
        encode_depth(np.full((2, 2), 17.0))


def test_stored_values_are_those_the_conventions_state() -> None:
    """The ends and the middle of each range, and nothing outside the mask."""
    ends = np.array([[[-1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]], np.float32)
    mask = np.array([[True, False]])
    assert encode_normal(ends, mask).tolist() == [[[0, 128, 255], [0, 0, 0]]]
    assert encode_position(ends, mask).tolist() == [[[0, 32768, 65535], [0, 0, 0]]]
    assert encode_depth(np.array([[0.0, 1.0]], np.float32)).tolist() == [[0, 4096]]
