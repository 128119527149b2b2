"""What stands beside an object that is known: found where it touches the object, and nothing where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest

from models.perception.backgrounds import BACKGROUNDS, draw_background
from models.perception.base import Box, Picture
from models.perception.detector import ContrastDetector
from models.perception.second_look import elsewhere, look_again, paint_out

RED, BLUE = (220, 30, 30), (30, 60, 210)
OBJECT = np.zeros((200, 300), bool)
OBJECT[60:140, 40:130] = True


def picture(background: str, *more: tuple[slice, slice, tuple[int, int, int]]) -> Picture:
    rgb = draw_background(background, 300, np.random.default_rng(3))[:200].astype(np.uint8)
    rgb[OBJECT] = RED
    for rows, columns, colour in more:
        rgb[rows, columns] = colour
    return Picture(rgb)


def seen(*pictures: Picture) -> list[list[tuple[float, int]]]:
    """Score and pixels of what is found beside the object."""
    none: list[tuple[Box, ...]] = [()] * len(pictures)
    found = look_again(list(pictures), ["block"] * len(pictures), [OBJECT] * len(pictures), none, ContrastDetector(0.05))
    return [[(other.box.score, int(np.count_nonzero(other.inside))) for other in others] for others in found]


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_second_object_that_touches_the_first_is_found_and_no_third(background: str) -> None:
    alone, beside = seen(picture(background), picture(background, (slice(80, 130), slice(130, 190), RED)))
    assert max((score for score, _ in alone), default=0.0) < 0.15
    assert beside[0][0] > 0.25 and 0.7 * 50 * 60 < beside[0][1] < 1.4 * 50 * 60


def test_what_reaches_from_side_to_side_is_scenery() -> None:
    on_floor, on_mat = (picture("gradient", (slice(145, 180), columns, RED)) for columns in (slice(0, 300), slice(140, 220)))
    beside_floor, beside_mat = (max((score for score, _ in found), default=0.0) for found in seen(on_floor, on_mat))
    assert beside_floor < 0.1 < 0.25 < beside_mat


def test_paint_covers_the_object_and_nothing_far_from_it() -> None:
    before = picture(BACKGROUNDS[0], (slice(80, 130), slice(200, 250), BLUE))
    after, where = paint_out(before, OBJECT)
    assert where[OBJECT].all() and np.count_nonzero(where) < 1.4 * np.count_nonzero(OBJECT)
    np.testing.assert_array_equal(after.rgb[~where], before.rgb[~where])
    assert np.abs(after.rgb[OBJECT].astype(float) - RED).max(axis=-1).min() > 40


def test_colours_of_the_object_do_not_leak_into_the_paint_of_large_pictures() -> None:
    rgb = np.full((900, 700, 3), 200, np.uint8)
    inside = np.zeros((900, 700), bool)
    inside[301:603, 207:411] = True
    rgb[inside] = RED
    after, where = paint_out(Picture(rgb), inside)
    assert where[inside].all() and np.ptp(after.rgb.astype(int), axis=-1).max() <= 1


def test_a_cut_out_shows_nothing_else() -> None:
    cut = replace(picture(BACKGROUNDS[0]), alpha=OBJECT.astype(np.uint8) * np.uint8(255))
    assert seen(cut, picture(BACKGROUNDS[0]))[0] == []


def test_what_was_found_elsewhere_at_first_counts_too() -> None:
    alone = picture(BACKGROUNDS[0])
    first, part, second = Box(40, 60, 130, 140, 0.9), Box(50, 70, 90, 100, 0.8), Box(200, 20, 290, 90, 0.7)
    assert elsewhere((first, part, second)) == [second]
    found = look_again([alone], ["block"], [OBJECT], [(first, part, second)], ContrastDetector(0.05))[0]
    assert [(other.box, int(np.count_nonzero(other.inside))) for other in found if other.box.score > 0.15] == [(second, 90 * 70)]
