"""The embedded segmenter on composed scenes whose masks are known, and its edges."""

import numpy as np
import pytest

from data_specs.align_params import SegmenterParams
from models.geometry.procedural import CATEGORIES
from models.perception.backgrounds import BACKGROUNDS
from models.perception.base import Box, Mask, Miss, Picture
from models.perception.segmenter import GrabCut, make_segmenter
from tests.composed_scenes import ComposedScene, compose
from tests.models.perception.measures import mask_iou


@pytest.fixture(scope="module")
def scenes() -> list[ComposedScene]:
    return [compose(category, 7, 256, BACKGROUNDS[place % len(BACKGROUNDS)]) for place, category in enumerate(CATEGORIES[::2])]


def overlaps(scenes: list[ComposedScene], boxes: list[Box]) -> np.ndarray:
    masks = make_segmenter(SegmenterParams()).segment([scene.picture for scene in scenes], boxes)
    return np.array([mask_iou(mask.inside, scene.mask) if isinstance(mask, Mask) else 0.0 for mask, scene in zip(masks, scenes, strict=True)])


def test_masks_of_true_boxes(scenes: list[ComposedScene]) -> None:
    """Measured on 63 scenes of other seeds: median 0.99, all above 0.9."""
    found = overlaps(scenes, [scene.box for scene in scenes])
    assert np.median(found) > 0.95
    assert found.min() > 0.7


def test_masks_of_loose_boxes(scenes: list[ComposedScene]) -> None:
    """A box that is a fifth too large on every side, or cuts off a twentieth, still gives the object."""
    for share in (0.2, -0.05):
        loose = []
        for scene in scenes:
            box, height, width = scene.box, *scene.picture.size
            across, down = share * (box.right - box.left), share * (box.bottom - box.top)
            corners = max(0, box.left - across), max(0, box.top - down), min(width, box.right + across), min(height, box.bottom + down)
            loose.append(Box(*corners, 1.0))
        assert np.median(overlaps(scenes, loose)) > 0.9


def test_a_cut_out_is_segmented_by_its_alpha() -> None:
    alpha = np.zeros((50, 80), np.uint8)
    alpha[10:30, 20:60], alpha[40:45, 70:75] = 255, 255
    mask = GrabCut().segment([Picture(np.zeros((50, 80, 3), np.uint8), alpha)], [Box(18, 8, 62, 32, 1.0)])[0]
    assert isinstance(mask, Mask)
    assert np.array_equal(mask.inside, (alpha > 0) & (np.arange(80) < 65))


def test_the_same_picture_gives_the_same_mask_whatever_was_cut_before(scenes: list[ComposedScene]) -> None:
    pictures, boxes = [scene.picture for scene in scenes[:3]], [scene.box for scene in scenes[:3]]
    first, second = GrabCut().segment(pictures, boxes), GrabCut().segment(pictures[::-1], boxes[::-1])[::-1]
    assert all(np.array_equal(a.inside, b.inside) for a, b in zip(first, second) if isinstance(a, Mask) and isinstance(b, Mask))


def test_a_box_on_plain_ground_or_over_everything() -> None:
    flat = Picture(np.full((64, 64, 3), 90, np.uint8))
    results = GrabCut().segment([flat, flat], [Box(10, 10, 30, 30, 1.0), Box(0, 0, 64, 64, 1.0)])
    assert all(isinstance(result, Mask | Miss) for result in results)
