"""Agreement of a posed mesh with its picture, where the answer is known: pictures made from the maps themselves."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from models.metrics.posed_agreement import (
    NEAR,
    SIDE_PIXELS,
    Crop,
    colour_difference,
    crop_both,
    cut_outs,
    depth_agreement,
    depth_ratio,
    edge_difference,
    outline_overlap,
    relit,
)
from models.renderers.base import Maps

SIZE = 96
BASE = np.array([180, 90, 60], np.uint8)


def ball(colour: np.ndarray = BASE) -> Maps:
    """A ball of radius 30 px round the middle, seen straight on, one unit = 30 px."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2) / 30.0
    mask = x**2 + y**2 < 1.0
    z = np.sqrt(np.clip(1.0 - x**2 - y**2, 0.0, None))
    normal = (np.stack([x, -y, z], axis=-1) * mask[..., None]).astype(np.float32)
    rgb = np.concatenate([np.broadcast_to(colour, (SIZE, SIZE, 3)) * mask[..., None], 255 * mask[..., None]], axis=-1).astype(np.uint8)
    return Maps(rgb, mask, np.where(mask, 5.0 - z, 0.0).astype(np.float32), normal, normal)


def lit(maps: Maps, light: tuple[float, ...]) -> np.ndarray:
    """What a camera sees of it before white, (H, W, 3) uint8: base colour times a light that is linear in the normal."""
    linear = (maps.rgb[..., :3] / 255.0) ** 2.2
    shading = light[0] + maps.normal @ np.array(light[1:])
    return np.rint(np.where(maps.mask[..., None], np.clip(linear * shading[..., None], 0, 1) ** (1 / 2.2), 1.0) * 255).astype(np.uint8)


def test_overlap_of_shifted_squares() -> None:
    one = np.zeros((20, 20), bool)
    one[5:15, 5:15] = True
    assert outline_overlap(one, np.roll(one, 5, axis=1)) == pytest.approx(50 / 150)
    assert outline_overlap(one, one) == 1.0 and outline_overlap(one & False, one & False) == 0.0


@pytest.mark.parametrize("light", [(1.0, 0.0, 0.0, 0.0), (0.6, 0.2, 0.2, 0.1), (0.25, 0.0, 0.0, 0.1)])
def test_white_light_is_taken_out(light: tuple[float, ...]) -> None:
    maps = ball()
    crop = crop_both(lit(maps, light), maps.mask, maps)
    assert np.abs(relit(crop) - crop.seen)[crop.shared].max() < 0.03
    difference = colour_difference(crop)
    assert difference is not None and difference < 0.02


@pytest.mark.parametrize(("shift_degrees", "difference"), [(0.0, 0.0), (60.0, 0.5), (90.0, 1.0), (180.0, 2.0)])
def test_edges_of_shifted_waves_differ_by_the_cosine_of_the_shift(shift_degrees: float, difference: float) -> None:
    def waves(shift: float) -> np.ndarray:
        across = 2.0 * np.pi * np.arange(SIDE_PIXELS) / 16.0 + np.radians(shift)
        return np.broadcast_to((0.5 + 0.1 * np.sin(across))[None, :, None], (SIDE_PIXELS, SIDE_PIXELS, 3)).astype(np.float32)

    everywhere = np.ones((SIDE_PIXELS, SIDE_PIXELS), bool)
    crop = Crop(waves(0.0), waves(shift_degrees), everywhere, everywhere, np.zeros((SIDE_PIXELS, SIDE_PIXELS, 3), np.float32))
    assert edge_difference(crop) == pytest.approx(difference, abs=0.05)
    assert edge_difference(replace(crop, drawn_mask=everywhere & False)) is None


def test_another_hue_is_not_taken_out() -> None:
    """The distance is that of OpenCV's Lab between the two colours."""
    maps, other = ball(), ball(BASE[::-1].copy())
    difference = colour_difference(crop_both(lit(other, (1.0, 0.0, 0.0, 0.0)), maps.mask, maps))
    pair = np.stack([BASE, BASE[::-1]])[None].astype(np.float32) / 255.0
    apart = cv2.cvtColor(pair, cv2.COLOR_RGB2LAB)[0, :, 1:]
    assert difference is not None and difference == pytest.approx(float(np.linalg.norm(apart[0] - apart[1])) / 100.0, rel=0.25)


def test_the_crop_is_the_same_wherever_the_object_is_and_whatever_lies_around() -> None:
    maps = ball()
    here = crop_both(lit(maps, (0.8, 0.1, 0.0, 0.0)), maps.mask, maps)
    moved = Maps(*(np.roll(values, 17, axis=1) for values in (maps.rgb, maps.mask, maps.depth, maps.normal, maps.position)))
    picture = lit(moved, (0.8, 0.1, 0.0, 0.0))
    picture[~moved.mask] = 7
    there = crop_both(picture, moved.mask, moved)
    assert here.seen.shape == (SIDE_PIXELS, SIDE_PIXELS, 3)
    assert all(np.array_equal(getattr(here, name), getattr(there, name)) for name in ("seen", "drawn", "seen_mask", "drawn_mask", "normal"))


def test_a_crop_may_reach_beyond_the_picture() -> None:
    maps = ball()
    mask = maps.mask.copy()
    mask[:, : SIZE // 2] = False
    halved = replace(maps, mask=mask)
    cropped = crop_both(lit(maps, (1.0, 0.0, 0.0, 0.0))[:, 30:], mask[:, 30:], Maps(*(getattr(halved, n)[:, 30:] for n in halved.__dict__)))
    assert cropped.seen_mask.any() and np.array_equal(cropped.seen_mask, cropped.drawn_mask)


def test_cut_outs_of_equal_things_are_equal_but_for_coding() -> None:
    maps = ball()
    seen, drawn = cut_outs(crop_both(lit(maps, (1.0, 0.0, 0.0, 0.0)), maps.mask, maps))
    assert seen.dtype == np.uint8 and np.abs(seen.astype(int) - drawn.astype(int)).max() <= 8


def test_depth_of_any_scale_agrees_and_its_scale_is_told() -> None:
    maps = ball()
    assert depth_ratio(maps.depth * 0.4, maps.mask, maps) == pytest.approx(2.5)
    assert depth_agreement(maps.depth * 0.4, maps.mask, maps) == pytest.approx(1.0)
    assert depth_ratio(np.zeros_like(maps.depth), maps.mask, maps) is None and depth_agreement(np.zeros_like(maps.depth), maps.mask, maps) is None


def test_depth_off_by_the_reach_counts_half_and_what_the_render_lacks_not_at_all() -> None:
    maps = ball()
    wavy = maps.depth.copy()
    wavy[::2] += np.float32(NEAR)
    wavy[1::2] -= np.float32(NEAR)
    assert depth_agreement(np.where(maps.mask, wavy, 0.0), maps.mask, maps) == pytest.approx(0.5, abs=0.03)
    half = maps.mask & (np.arange(SIZE) < SIZE // 2)
    assert depth_agreement(maps.depth, maps.mask, replace(maps, mask=half)) == pytest.approx(0.5, abs=0.02)
