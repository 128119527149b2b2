"""Decoded samples to tensors."""

import re

import numpy as np
import pytest
import torch

from models.diffusion.samples import MATCHED_MEMBERS, RGB_MEMBERS, VIEW_MEMBERS, caption_of, matched_tensors, pick, stack, view_tensors
from tests.models.realiz3d.fabricated import matched_sample, render_sample


def test_views_come_in_tile_order_whatever_their_order_in_the_record() -> None:
    sample = render_sample("cup")
    before = view_tensors(sample, "position")
    sample["views.json"]["views"].reverse()
    assert torch.equal(view_tensors(sample, "position"), before)
    right = sample["right.position.png"].astype(np.float64) / 65535 * 2 - 1
    np.testing.assert_allclose(before[1].permute(1, 2, 0).numpy(), right, atol=1e-6)


def test_rgb_stands_on_white() -> None:
    sample = render_sample("cup")
    sample["front.rgb.png"][..., 3] = 0
    assert (view_tensors(sample, "rgb")[0] == 1.0).all()


def test_missing_pictures_are_named() -> None:
    sample = render_sample("cup")
    del sample["back.normal.png"]
    with pytest.raises(ValueError, match=r"'cup'.*normal of view 'back'"):
        view_tensors(sample, "normal")
    matched = matched_sample("cup")
    del matched["view2.rgb.png"]
    with pytest.raises(ValueError, match=r"view2\.rgb\.png"):
        matched_tensors(matched)


def test_captions_of_both_kinds() -> None:
    assert caption_of(render_sample("cup")) == "a red cup"
    assert caption_of(matched_sample("cup")) == "a blue cup"


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="size_pixels"):
        stack([torch.zeros(3, 4, 4), torch.zeros(3, 8, 8)])


def test_pick_takes_different_ones() -> None:
    chosen = pick(4, 6, np.random.default_rng(0))
    assert len(set(chosen)) == 4 and set(chosen) <= set(range(6))
    with pytest.raises(ValueError, match="7 pictures"):
        pick(7, 6, np.random.default_rng(0))


def test_member_patterns_leave_out_what_is_not_needed() -> None:
    fields = {"views.json", "front.rgb.png", "front.normal.png", "left.position.png", "front.depth.png"}
    assert {field for field in fields if re.fullmatch(VIEW_MEMBERS, field)} == fields - {"front.depth.png"}
    assert {field for field in fields if re.fullmatch(RGB_MEMBERS, field)} == {"views.json", "front.rgb.png"}
    assert [bool(re.fullmatch(MATCHED_MEMBERS, field)) for field in ("matched.json", "view3.rgb.png", "views.json")] == [True, True, False]
