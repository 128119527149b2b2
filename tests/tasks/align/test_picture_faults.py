"""Pictures without their object, and with two."""

import numpy as np

from models.geometry.procedural import build_object
from models.perception.scene_composer import SceneLayout, compose_pose
from tasks.align.picture_faults import COVERED_SHARE, FULL_SHARE, with_second_object, without_object

LAYOUT = SceneLayout(size_pixels=128, clutter=0, upright=True)


def test_nothing_is_there_but_the_backdrop_and_other_things() -> None:
    bare = without_object([], LAYOUT, np.random.default_rng(0))
    assert bare.depth is not None and np.ptp(bare.depth) == 0.0 and bare.rgb.shape == (128, 128, 3)
    thing = build_object("mug", 3).detailed
    other = without_object([thing], SceneLayout(size_pixels=128, clutter=1, upright=True), np.random.default_rng(0))
    assert other.depth is not None and 0.02 < np.mean(other.depth < bare.depth) < 0.7


def test_the_second_object_stands_beside_the_first() -> None:
    scene = compose_pose(build_object("bottle", 3).detailed, "bottle", 1, 0.0, LAYOUT)
    made = with_second_object(scene, build_object("mug", 4).detailed, np.random.default_rng(0))
    assert made is not None and made.depth is not None and scene.problem.depth is not None
    second = made.depth != scene.problem.depth
    first = scene.problem.mask
    assert np.count_nonzero(second) >= FULL_SHARE * np.count_nonzero(first)
    assert np.count_nonzero(second & first) <= COVERED_SHARE * np.count_nonzero(second)
    ratio = np.median(made.depth[second]) / np.median(scene.problem.depth[first & (scene.problem.depth > 0)])
    assert 0.8 < ratio < 1.25, "as far away, in the units of the picture's own depth"
