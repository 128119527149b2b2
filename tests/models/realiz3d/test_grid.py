"""Tiles of the 2 x 2 grid."""

import pytest
import torch

from data_specs.view import ORTHOGONAL_NAMES
from models.realiz3d.grid import from_grid, to_grid


def test_views_lie_row_by_row() -> None:
    views = torch.stack([torch.full((1, 2, 3), float(index)) for index in range(4)])[None]
    grid = to_grid(views)
    assert grid.shape == (1, 1, 4, 6)
    corners = {"front": (0, 0), "right": (0, -1), "back": (-1, 0), "left": (-1, -1)}
    assert [grid[0, 0, *corners[name]].item() for name in ORTHOGONAL_NAMES] == [0.0, 1.0, 2.0, 3.0]


def test_there_and_back() -> None:
    views = torch.randn(2, 4, 3, 6, 8)
    assert torch.equal(from_grid(to_grid(views)), views)


def test_three_views_are_no_grid() -> None:
    with pytest.raises(ValueError, match="3 views"):
        to_grid(torch.zeros(1, 3, 3, 4, 4))
