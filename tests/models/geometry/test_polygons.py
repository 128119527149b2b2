"""Fans: triangles that share the polygon's first corner and cover its area."""

import numpy as np

from models.geometry.polygons import fan_triangles


def test_fans_of_mixed_polygons() -> None:
    triangles, polygon = fan_triangles(np.array([7, 8, 9, 1, 2, 5, 4, 3, 2, 1, 0]), np.array([3, 2, 1, 5]))
    assert triangles.tolist() == [[7, 8, 9], [4, 3, 2], [4, 2, 1], [4, 1, 0]]
    assert polygon.tolist() == [0, 3, 3, 3]


def test_a_regular_polygon_keeps_its_area() -> None:
    angles = np.linspace(0, 2 * np.pi, 17, endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    a, b, c = points[fan_triangles(np.arange(17), np.array([17]))[0]].transpose(1, 0, 2)
    areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    assert areas.min() > 0  # none is turned over
    np.testing.assert_allclose(areas.sum(), 17 / 2 * np.sin(2 * np.pi / 17), rtol=1e-12)


def test_no_polygons() -> None:
    triangles, polygon = fan_triangles(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert triangles.shape == (0, 3) and polygon.shape == (0,)
