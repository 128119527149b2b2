"""Primitive surfaces against closed forms, closed and oriented outwards."""

import numpy as np
import pytest
import trimesh

from models.geometry.procedural_grid import Grid, box, curve, cylinder, ellipsoid, lathe, prism, torus, tube

PI = np.pi
POLYGON_32 = 16.0 * np.sin(2.0 * PI / 32)
"""Area of the regular 32-gon in the unit circle: what a lathe of 32 columns has in place of pi."""


def solid(grid: Grid) -> trimesh.Trimesh:
    """The grid as triangles, with coinciding points merged."""
    rows, columns = grid.points.shape[:2]
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    faces = np.concatenate([np.column_stack([first, first + 1, first + columns]), np.column_stack([first + columns + 1, first + columns, first + 1])])
    mesh = trimesh.Trimesh(grid.points.reshape(-1, 3), faces, process=False)
    mesh.merge_vertices()
    mesh.update_faces(mesh.nondegenerate_faces())
    return mesh


def rounded_box_volume(sides: tuple[float, float, float], r: float) -> float:
    """Steiner's formula for a box whose edges are rounded with radius r."""
    a, b, c = (side - 2.0 * r for side in sides)
    return a * b * c + 2.0 * r * (a * b + b * c + c * a) + PI * r**2 * (a + b + c) + 4.0 / 3.0 * PI * r**3


VOLUMES = {
    "cylinder": (cylinder(0.5, 3.0), POLYGON_32 * 0.25 * 3.0, 1e-9),
    "cone": (lathe([(1.0, 0.0), (0.0, 2.0)]), POLYGON_32 * 2.0 / 3.0, 1e-9),
    "hollow": (lathe([(0.0, 0.0), (1.0, 0.0), (1.0, 2.0), (0.5, 2.0), (0.5, 1.0), (0.0, 1.0)]), POLYGON_32 * 1.75, 1e-9),
    "box": (box(1.0, 2.0, 3.0, 0.2, 16), rounded_box_volume((1.0, 2.0, 3.0), 0.2), 1e-3),
    "prism": (prism([(0, 0), (2, 0), (2, 1), (1, 2), (0, 1)], 3.0), 9.0, 1e-9),
    "straight tube": (tube([(0, 0, 0), (3, 4, 0)], 1.0, 32), POLYGON_32 * 5.0, 1e-9),
    "ellipsoid": (ellipsoid(1.0, 2.0, 0.5, rows=80, columns=160), 4.0 / 3.0 * PI, 2e-3),
    "torus": (torus(2.0, 0.5, 160), 2.0 * PI**2 * 2.0 * 0.25, 0.07),
    "bent tube": (tube(np.array([(np.cos(t), np.sin(t), 0.0) for t in np.linspace(0, 2, 60)]), 0.2, 64), 2.0 * PI * 0.04, 4e-3),
    "frustum": (box(2.0, 3.0, 2.0, 1e-6).tapered(0.5, 0.5), 7.0, 1e-4),
    "sharp superellipsoid": (ellipsoid(1.0, 1.0, 1.0, 1e-3, rows=40, columns=40), 8.0, 0.08),
}
"""Grid, its volume in closed form, relative tolerance (exact for polyhedra, tessellation error for round ones)."""


@pytest.mark.parametrize("name", VOLUMES)
def test_volume_closed_and_outward(name: str) -> None:
    grid, volume, tolerance = VOLUMES[name]
    mesh = solid(grid)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(volume, rel=tolerance)


def test_areas() -> None:
    assert solid(prism([(0, 0), (2, 0), (2, 1), (0, 1)], 3.0)).area == pytest.approx(22.0)
    assert solid(ellipsoid(1.0, 1.0, 1.0, rows=80, columns=160)).area == pytest.approx(4.0 * PI, rel=2e-3)


def test_bevels_never_leave_the_box() -> None:
    grid = box(0.1, 2.0, 1.0, 5.0)
    assert np.allclose(np.ptp(grid.points, axis=(0, 1)), [0.1, 2.0, 1.0])


def test_turning_is_right_handed_and_carries_the_axes() -> None:
    grid = box(1.0, 2.0, 3.0).turned("y", 90.0)
    assert np.allclose(np.ptp(grid.points, axis=(0, 1)), [3.0, 2.0, 1.0])
    assert np.allclose(grid.axes, [[0, 0, -1], [0, 1, 0], [1, 0, 0]])
    point = Grid(np.array([[[0.0, 1.0, 0.0]]]), np.eye(3))
    assert np.allclose(point.turned("x", 90.0).points, [0, 0, 1]) and np.allclose(point.turned("z", 90.0).points, [-1, 0, 0])


def test_moved_and_mapped() -> None:
    grid = cylinder(1.0, 2.0).moved(1.0, 2.0, 3.0)
    assert np.allclose(grid.points.min(axis=(0, 1)), [0.0, 1.0, 2.0])
    assert solid(grid.mapped(lambda points: points * 2.0)).volume == pytest.approx(POLYGON_32 * 2.0 * 8.0)


def test_a_tube_is_round_everywhere_on_a_crooked_path() -> None:
    path = curve([(0, 0, 0), (1, 2, 0), (0, 3, 2), (-2, 3, 2)], 60)
    grid = tube(path, 0.3, 16)
    assert np.allclose(np.linalg.norm(grid.points[1:-1] - path[:, None], axis=-1), 0.3)


def test_the_axes_of_a_tube_follow_it() -> None:
    assert np.allclose(tube([(0, 0, 0), (3, 4, 0)], 0.1).axes[1], [0.6, 0.8, 0.0])


def test_a_curve_goes_through_its_ends_and_does_not_overshoot() -> None:
    line = curve([(0.0, 0.0), (1.0, 0.5), (1.0, 1.0)], 50)
    assert np.allclose(line[[0, -1]], [(0, 0), (1, 1)]) and line.max() <= 1.0 + 1e-12


@pytest.mark.parametrize(("path", "words"), [([(0, 0, 0), (0, 0, 0)], "equal points"), ([(0, 0, 0), (1, 0, 0), (0, 0, 0)], "turns back")])
def test_impossible_tubes_are_refused(path: list[tuple[float, float, float]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tube(path, 0.1)
