"""Hand-made pictures: one object on white passes; two, none, a coloured background and a cut-off object do not."""

import cv2
import numpy as np
import pytest

from data_specs.base_pictures import ScreeningParams
from tasks.matched_real.screening import screen

PARAMS = ScreeningParams()


def picture(*discs: tuple[float, float, float], side: int = 64, background: int = 255) -> np.ndarray:
    """Blue discs (x, y, radius as shares of the side) on a plain background."""
    made = np.full((side, side, 3), background, np.uint8)
    for x, y, radius in discs:
        cv2.circle(made, (round(x * side), round(y * side)), round(radius * side), (40, 60, 200), cv2.FILLED)
    return made


def rule_of(made: np.ndarray, **params: float) -> str:
    refusal = screen(made, ScreeningParams(**params))
    return refusal.rule if refusal else ""


@pytest.mark.parametrize("side", [32, 64, 256, 512])
def test_what_passes_and_what_does_not_at_any_size(side: int) -> None:
    assert rule_of(picture((0.5, 0.5, 0.3), side=side)) == ""
    assert rule_of(picture((0.5, 0.5, 0.3), side=side, background=245)) == ""
    assert rule_of(picture(side=side)) == "no_object"
    assert rule_of(picture((0.25, 0.5, 0.15), (0.75, 0.5, 0.15), side=side)) == "several_objects"
    assert rule_of(picture((0.5, 0.5, 0.3), side=side, background=200)) == "background_not_white"
    assert rule_of(picture((0.0, 0.5, 0.3), side=side)) == "background_not_white"


def test_a_grey_border_around_white_is_no_white_background() -> None:
    made = picture((0.5, 0.5, 0.3))
    framed = np.full_like(made, 180)
    framed[4:-4, 4:-4] = made[4:-4, 4:-4]
    assert rule_of(framed) == "background_not_white"


def test_specks_are_overlooked_and_highlights_do_not_part_an_object() -> None:
    made = picture((0.5, 0.5, 0.3), (0.15, 0.15, 0.015))
    assert rule_of(made) == "" and rule_of(made, object_share=0.0005) == "several_objects"
    made[:, 31:33] = 255
    assert rule_of(made) == ""
    made[:, 28:36] = 255
    assert rule_of(made) == "several_objects"


def test_a_refusal_says_by_how_much() -> None:
    two = screen(picture((0.25, 0.5, 0.15), (0.75, 0.5, 0.15)), PARAMS)
    assert two is not None and (two.score, two.threshold) == (2.0, 1.0) and "2 objects" in two.message
    cut = screen(picture((0.0, 0.5, 0.3)), PARAMS)
    assert cut is not None and cut.threshold == PARAMS.white_border
    coloured = picture((0.0, 0.5, 0.3)).min(axis=-1) < PARAMS.white_level
    ring = np.ones((64, 64), bool)
    ring[2:-2, 2:-2] = False
    assert cut.score == pytest.approx(1.0 - coloured[ring].mean(), abs=1e-4)
    none = screen(picture((0.5, 0.5, 0.03)), PARAMS)
    assert none is not None and none.rule == "no_object" and 0 < none.score < none.threshold == PARAMS.object_share
