"""Controls: maps and viewpoints of samples, and where they enter."""

import numpy as np
import pytest
import torch

from models.realiz3d.conditioning import MapControl, ViewpointControl, control_from_views, spread_over_tiles
from models.realiz3d.grid import from_grid
from tests.models.realiz3d.fabricated import render_sample


def test_maps_are_normals_then_positions_of_each_view() -> None:
    sample = render_sample("cup")
    control = control_from_views(sample)
    assert control.shape == (4, 6, 16, 16)
    np.testing.assert_allclose(control[2, :3].permute(1, 2, 0).numpy(), sample["back.normal.png"] / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(control[3, 3:].permute(1, 2, 0).numpy(), sample["left.position.png"] / 32767.5 - 1, atol=1e-6)


def test_viewpoints_point_at_the_cameras() -> None:
    expected = [[0, 0, 1], [1, 0, 0], [0, 0, -1], [-1, 0, 0]]  # azimuth 0 = +Z, 90 = +X
    np.testing.assert_allclose(control_from_views(render_sample("cup"), "viewpoint").numpy(), expected, atol=1e-6)


def test_a_missing_view_is_named() -> None:
    sample = render_sample("cup")
    del sample["views.json"]["views"][1]
    for kind in ("maps", "viewpoint"):
        with pytest.raises(ValueError, match="right"):
            control_from_views(sample, kind)


def test_both_controls_start_at_zero() -> None:
    assert not MapControl(4, 8, 2)(torch.randn(1, 8, 8, 8)).any()
    assert not ViewpointControl(8)(torch.randn(1, 4, 3)).any()


def test_map_tokens_come_tile_by_tile() -> None:
    control = MapControl(1, 1, 2)
    torch.nn.init.constant_(control.grown.weight, 1 / 8)  # the mean of a patch over both channels
    maps = torch.arange(64.0).view(1, 1, 8, 8).repeat(1, 2, 1, 1)
    tokens = control(maps)[0, :, :, 0]
    expected = torch.nn.functional.avg_pool2d(from_grid(maps[:, :1])[0], 2).flatten(1)
    torch.testing.assert_close(tokens, expected)


def test_viewpoints_are_told_apart_and_spread_over_their_tile() -> None:
    control = ViewpointControl(8)
    torch.nn.init.normal_(control.project.weight)
    added = control(control_from_views(render_sample("cup"), "viewpoint")[None])
    assert torch.pdist(added[0, :, 0]).min() > 0.1
    spread = spread_over_tiles(added, 20)
    assert spread.shape == (1, 20, 8)
    assert torch.equal(spread[0, 5:10], added[0, 1].expand(5, -1))
