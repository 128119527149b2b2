"""The preview shows the object's front, in its own colours, whole."""

import cv2
import numpy as np

from data_specs.asset import Material, Mesh
from tasks.assets.preview import preview_jpeg, preview_picture


def two_plates() -> Mesh:
    """A red plate in front (+Z), a blue one behind, both facing outwards."""
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    vertices = np.concatenate([square + np.float32([0, 0, 0.2]), square - np.float32([0, 0, 0.2])])
    faces = np.int32([[0, 1, 2], [0, 2, 3], [5, 4, 7], [5, 7, 6]])
    colours = (Material(np.float32([1, 0, 0, 1])), Material(np.float32([0, 0, 1, 1])))
    return Mesh(vertices, faces, face_material=np.int32([0, 0, 1, 1]), materials=colours)


def test_front_is_plus_z() -> None:
    np.testing.assert_array_equal(preview_picture(two_plates(), 0.0, 0.0)[128, 128], [255, 0, 0])
    np.testing.assert_array_equal(preview_picture(two_plates(), 180.0, 0.0)[128, 128], [0, 0, 255])


def test_the_object_fills_the_picture_and_is_not_cut() -> None:
    picture = preview_picture(two_plates())
    shown = (picture != 225).any(axis=2)
    assert not shown[[0, -1]].any() and not shown[:, [0, -1]].any()
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) > 0.85 * 256


def test_jpeg() -> None:
    decoded = cv2.imdecode(np.frombuffer(preview_jpeg(two_plates()), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(decoded.astype(int) - preview_picture(two_plates())).mean() < 3
