"""Pictures as the pipeline takes them, and previews of what became of them."""

import cv2
import numpy as np

from data_specs.subject import SubjectLine
from models.perception.base import Box, Mask, Picture
from models.renderers.base import Maps
from tasks.align.candidate import Candidate
from tasks.align.preview import preview_jpeg
from tasks.align.work_item import limited

LINE = SubjectLine(subject_id="mug-1", object_id="mug", source="folder", location="mug.png", sha256="", item="mug")


def test_a_small_opaque_picture_is_left_alone() -> None:
    picture = Picture(np.zeros((40, 60, 3), np.uint8), focal_pixels=50.0)
    assert limited(picture, 60) is picture


def test_a_large_picture_shrinks_with_its_channels_and_its_lens() -> None:
    rgb, depth = np.full((200, 400, 3), 90, np.uint8), np.full((200, 400), 2.0, np.float32)
    depth[:, 200:] = 0.0
    small = limited(Picture(rgb, depth=depth, focal_pixels=300.0), 100)
    assert small.rgb.shape == (50, 100, 3) and small.focal_pixels == 75.0
    assert small.depth is not None and set(np.unique(small.depth)) == {0.0, 2.0}, "depth of object and background is never mixed"


def test_transparent_parts_are_white() -> None:
    rgb = np.full((4, 4, 3), 10, np.uint8)
    alpha = np.zeros((4, 4), np.uint8)
    alpha[:2], alpha[2] = 255, 51
    seen = limited(Picture(rgb, alpha), 100)
    assert (seen.rgb[:2] == 10).all() and (seen.rgb[2] == round(10 * 0.2 + 255 * 0.8)).all() and (seen.rgb[3] == 255).all()
    np.testing.assert_array_equal(seen.alpha, alpha)


def shown(candidate: Candidate) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(preview_jpeg(candidate), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(int)


def test_a_preview_shows_however_much_is_known() -> None:
    height, width = 384, 576
    inside = np.zeros((height, width), bool)
    inside[100:300, 200:400] = True
    bare = Candidate(LINE, Picture(np.full((height, width, 3), 128, np.uint8)))
    assert shown(bare).shape == (192, 288, 3)
    assert shown(Candidate(LINE, Picture(np.zeros((1, 512, 3), np.uint8)))).shape == (2, 768, 3), "a strip stays small"
    boxed = Candidate(LINE, bare.picture, (Box(100, 50, 500, 350, 1.0),), Mask(inside, 1.0))
    drawn = shown(boxed)
    assert drawn[25, 150, 0] > 200 and drawn[25, 150, 2] < 140, "the box's upper edge is yellow"
    assert drawn[100, 100, 1] > 180 and drawn[100, 100, 0] < 140, "the mask's left edge is green"
    rgba = np.zeros((height, width, 4), np.uint8)
    rgba[inside] = (255, 0, 0, 255)
    maps = Maps(rgb=rgba, mask=inside, depth=inside * np.float32(3), normal=np.zeros((height, width, 3)), position=np.zeros((height, width, 3)))
    both = shown(Candidate(LINE, bare.picture, boxed.boxes, boxed.mask, posed=maps))
    assert both.shape == (192, 576, 3)
    assert both[100, 288 + 150, 0] > 180 and both[100, 288 + 150, 1] < 90 and abs(both[20, 300] - 128).max() < 8
