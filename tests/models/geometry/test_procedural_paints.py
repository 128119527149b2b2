"""Colour words, masks and grammar."""

import numpy as np
import pytest

from models.geometry.procedural_paints import COLOURS, TONES, Paint, article, band, dots, draw_paint, front_rectangle, paint, spots, stripes


def nearest_name(rgb: np.ndarray) -> str:
    """The colour word whose colour is nearest, in CIELAB (skimage is the independent truth on colour)."""
    from skimage.color import rgb2lab

    names = {**COLOURS, **TONES}
    reference = rgb2lab(np.array(list(names.values()), float)[None] / 255.0)[0]
    return list(names)[int(np.linalg.norm(reference - rgb2lab(np.asarray(rgb, float).reshape(1, 1, 3))[0, 0], axis=1).argmin())]


@pytest.mark.parametrize("name", [*COLOURS, *TONES])
def test_every_batch_of_a_colour_still_has_its_name(name: str) -> None:
    assert {nearest_name(paint(name, "wood", np.random.default_rng(seed)).rgb) for seed in range(60)} == {name}


def test_draws_leave_out_what_they_should() -> None:
    rng = np.random.default_rng(0)
    assert {draw_paint("gloss", rng, ("red", "blue", "green"), ("blue",)).name for _ in range(60)} == {"red", "green"}


def test_words() -> None:
    grey = np.full(3, 0.5, np.float32)
    assert Paint("oak", "wood", grey).words == "oak" and Paint("red", "gloss", grey).words == "red wooden"
    assert article("orange mug") == "an orange mug" and article("red mug") == "a red mug"


CIRCLE = np.array([[np.sin(t), 0.3, np.cos(t)] for t in np.linspace(-np.pi, np.pi, 20_001)], np.float32)


def test_masks_cover_what_they_say() -> None:
    points = np.array([[0.0, 0.0, 1.0], [0.0, 0.5, 1.0], [0.6, 0.0, 1.0], [0.0, 0.0, -1.0]], np.float32)
    assert band(-0.1, 0.1)(points).tolist() == [1.0, 0.0, 1.0, 1.0]
    assert front_rectangle(1.0, -0.2, 0.2)(points).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert spots(points[[0, 3]], 0.2)(points).tolist() == [1.0, 0.0, 0.0, 1.0]
    assert stripes(7, 0.4)(CIRCLE).mean() == pytest.approx(0.4, abs=0.01)


def test_dots_are_round_and_as_many_as_asked() -> None:
    cover = dots((0.3,), 8, 0.1)(CIRCLE)
    assert (np.diff(np.round(cover)) > 0).sum() == 8
    assert cover.mean() == pytest.approx(8 * 0.2 / (2.0 * np.pi), rel=0.03)
