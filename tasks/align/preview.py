"""A small picture for people of what the pipeline made of a picture: box, outline of the mask, and the mesh at its pose over it."""

import cv2
import numpy as np

from models.perception.base import Box
from tasks.align.candidate import Candidate

HEIGHT_PIXELS, QUALITY = 192, 85
WIDEST_PIXELS = 768
"""A strip that would be wider is drawn less high: JPEG ends at 65,535, and a page long before."""

BOX_COLOUR, MASK_COLOUR, OUTLINE_COLOUR = (255, 196, 0), (0, 255, 120), (255, 0, 160)
POSED_SHARE = 0.6
"""Of a pixel that the posed mesh covers: the rest is the picture."""


def preview_jpeg(candidate: Candidate) -> bytes:
    """The `preview.jpg` of a candidate, however far it came: yellow box, green mask; where it has a pose, beside it the mesh over the picture."""
    height, width = candidate.picture.size
    scale = min(HEIGHT_PIXELS / height, WIDEST_PIXELS / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    drawn = _scaled(candidate.picture.rgb, size)
    if candidate.boxes:
        _draw_box(drawn, candidate.boxes[0], (size[0] / width, size[1] / height))
    if candidate.mask is not None:
        _draw_outline(drawn, candidate.mask.inside, size, MASK_COLOUR)
    if candidate.posed is not None:
        drawn = np.concatenate([drawn, _over(candidate, size)], axis=1)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done, "OpenCV encodes every 8-bit RGB array"
    return data.tobytes()


def _over(candidate: Candidate, size: tuple[int, int]) -> np.ndarray:
    """The posed mesh over the picture, with its outline."""
    assert candidate.posed is not None
    rgba = candidate.posed.rgb.astype(np.float32)
    alpha = POSED_SHARE * rgba[..., 3:] / 255.0
    over = _scaled(np.rint(rgba[..., :3] * alpha + candidate.picture.rgb * (1.0 - alpha)).astype(np.uint8), size)
    _draw_outline(over, candidate.posed.mask, size, OUTLINE_COLOUR)
    return over


def _scaled(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = rgb.shape[0] > size[1]
    return np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def _draw_box(drawn: np.ndarray, box: Box, scale: tuple[float, float]) -> None:
    first, last = (round(box.left * scale[0]), round(box.top * scale[1])), (round(box.right * scale[0]) - 1, round(box.bottom * scale[1]) - 1)
    cv2.rectangle(drawn, first, last, BOX_COLOUR, 1)


def _draw_outline(drawn: np.ndarray, inside: np.ndarray, size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    small = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_AREA if inside.shape[0] > size[1] else cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(small, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, contours, -1, colour, 1)
