"""Triangles of polygons: they turn as the polygon does, lie inside it, and cover all of it once."""

import numpy as np
import pytest

from models.geometry.polygons import triangulate

L_SHAPE = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]
COMB = [(0, 0), (7, 0), (7, 3), (6, 3), (6, 1), (5, 1), (5, 3), (4, 3), (4, 1), (3, 1), (3, 3), (2, 3), (2, 1), (1, 1), (1, 3), (0, 3)]
ARROW = [(0, 0), (2, -2), (1, 0), (2, 2)]


def shoelace(points: np.ndarray) -> float:
    x, y = points.T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    return np.array([shoelace(points[triangle]) for triangle in triangles])


def inside(place: np.ndarray, polygon: np.ndarray) -> bool:
    """Even-odd rule."""
    crossings = 0
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0)):
        crossings += (ay > place[1]) != (by > place[1]) and place[0] < (bx - ax) * (place[1] - ay) / (by - ay) + ax
    return crossings % 2 == 1


def in_space(flat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turned and moved away from the origin: (N, 2) -> (N, 3)."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return np.column_stack([flat, np.zeros(len(flat))]) @ turn.T + rng.uniform(-50, 50, 3)


def random_star(rng: np.random.Generator) -> np.ndarray:
    """A simple polygon with many inward corners: it sees its middle from everywhere, and from no corner all others."""
    count = int(rng.integers(5, 40))
    angles = (np.arange(count) + rng.uniform(0, 0.9, count)) * 2 * np.pi / count
    return rng.uniform(0.1, 1.0, count)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def cut(points: np.ndarray) -> np.ndarray:
    return triangulate(np.arange(len(points)), np.array([len(points)]), points)[0]


def test_convex_polygons_are_fans() -> None:
    points = np.zeros((10, 3))
    points[[4, 3, 2, 1, 0], :2] = [(np.cos(a), np.sin(a)) for a in np.linspace(0, 5, 5)]
    triangles, polygon = triangulate(np.array([7, 8, 9, 1, 2, 4, 3, 2, 1, 0]), np.array([3, 2, 5]), points)
    assert triangles.tolist() == [[7, 8, 9], [4, 3, 2], [4, 2, 1], [4, 1, 0]]
    assert polygon.tolist() == [0, 2, 2, 2]


def test_a_regular_polygon_keeps_its_area() -> None:
    angles = np.linspace(0, 2 * np.pi, 17, endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    found = areas(points[:, :2], cut(points))
    assert found.min() > 0 and len(found) == 15
    np.testing.assert_allclose(found.sum(), 17 / 2 * np.sin(2 * np.pi / 17), rtol=1e-12)


@pytest.mark.parametrize("flat", [L_SHAPE, COMB, ARROW, *(random_star(np.random.default_rng(seed)) for seed in range(40))])
def test_concave_polygons_are_covered_once_whatever_corner_comes_first(flat: list) -> None:
    rng, polygon = np.random.default_rng(len(flat)), np.array(flat, float)
    for start in range(len(polygon)):
        turned = np.roll(polygon, start, axis=0)
        triangles = cut(in_space(turned, rng))
        found = areas(turned, triangles)
        assert (found * np.sign(shoelace(turned)) >= -1e-12).all(), "no triangle is turned over"
        np.testing.assert_allclose(found.sum(), shoelace(turned), rtol=1e-9)
    for place in rng.uniform(polygon.min(axis=0), polygon.max(axis=0), (50, 2)):
        assert sum(inside(place, turned[triangle]) for triangle in triangles) == inside(place, turned)


def test_the_direction_of_turning_is_kept_and_neighbours_are_left_alone() -> None:
    points = np.column_stack([np.array(L_SHAPE[::-1], float), np.zeros(6)])
    triangles, polygon = triangulate(np.array([0, 1, 2, 0, 1, 2, 3, 4, 5, 5, 4, 3]), np.array([3, 6, 3]), points)
    assert triangles[0].tolist() == [0, 1, 2] and triangles[-1].tolist() == [5, 4, 3] and polygon.tolist() == [0, 1, 1, 1, 1, 2]
    assert (areas(points[:, :2], triangles[1:-1]) < 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_garbage_gives_some_triangles_and_no_error(value: float) -> None:
    points = np.full((5, 3), value)
    assert cut(points).shape == (3, 3)


def test_no_polygons() -> None:
    triangles, polygon = triangulate(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3)))
    assert triangles.shape == (0, 3) and polygon.shape == (0,)
