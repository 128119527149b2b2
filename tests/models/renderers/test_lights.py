"""Light where the answer is known: open planes, creases, the shadow of a box."""

import numpy as np
import pytest

from data_specs.asset import Mesh
from models.renderers.base import EnvironmentLight
from models.renderers.lights import Points, Sky, ambient_visibility, cosine_directions, draw_sky, light_points, sun_visibility, tone_map
from models.renderers.open3d_cpu import Open3DRenderer, Scene
from tests.models.renderers.shapes import cube


def _points(positions: list[list[float]], normals: list[list[float]]) -> Points:
    normal = np.array(normals, np.float32)
    return Points(np.array(positions, np.float32), normal, normal, -normal)


def _floor_with_box() -> Scene:
    """A floor at y = 0, 20 wide, and a box of side 1 that stands on it at the origin."""
    floor = np.array([[-10, 0, -10], [10, 0, -10], [10, 0, 10], [-10, 0, 10]], np.float32)
    box = cube(0.5)
    vertices = np.concatenate([floor, box.vertices + np.array([0, 0.5, 0], np.float32)])
    faces = np.concatenate([[[0, 2, 1], [0, 3, 2]], box.faces + 4]).astype(np.int32)
    return Open3DRenderer().load(Mesh(vertices, faces))


def test_cosine_directions_have_the_right_mean_and_stay_above_the_surface() -> None:
    """The mean of cosine-weighted directions is 2 / 3 of the normal."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(50, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    directions = cosine_directions(normal, normal, 256, rng.random((50, 2), dtype=np.float32))
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(directions.mean(axis=1), normal * 2 / 3, atol=0.02)
    tilted = normal + 0.9 * np.roll(normal, 1, axis=0)
    tilted /= np.linalg.norm(tilted, axis=-1, keepdims=True)
    above = cosine_directions(tilted, normal, 64, rng.random((50, 2), dtype=np.float32))
    assert np.einsum("nrk,nk->nr", above, normal).min() > -1e-5


def test_an_open_plane_sees_the_whole_sky_and_a_corner_half_of_it() -> None:
    """At the foot of a tall wall half of the cosine-weighted hemisphere is hidden; deep in a crease nearly all of it."""
    floor_and_box = _floor_with_box()
    open_and_foot = _points([[0, 1, 0], [0, 0, 0.503]], [[0, 1, 0], [0, 1, 0]])
    visible = ambient_visibility(open_and_foot, floor_and_box.occluded, 512, seed=1)
    assert visible[0] == 1.0 and visible[1] == pytest.approx(0.5, abs=0.05)
    walls = np.array([[x, y, z] for x in (-0.01, 0.01) for y in (-1, 0) for z in (-3, 3)], np.float32)
    crease = Open3DRenderer().load(Mesh(walls, np.array([[0, 1, 2], [1, 2, 3], [4, 5, 6], [5, 6, 7]], np.int32)))
    assert ambient_visibility(_points([[0, -0.9, 0]], [[0, 1, 0]]), crease.occluded, 512, seed=1)[0] < 0.1


def test_a_box_casts_the_shadow_that_geometry_says() -> None:
    """Sun at 45 degrees from +X: the box of height 1 shades the floor to x = -1.5 and not beyond -1.5 - half of the sun's blur."""
    direction = np.array([1, 1, 0], np.float32) / np.sqrt(np.float32(2))
    grey = np.ones(3, np.float32)
    sky, scene = Sky(direction, grey, grey, grey, grey), _floor_with_box()
    points = _points([[-1.2, 0, 0], [-1.8, 0, 0], [0.8, 0, 0], [-1.2, 0, 0.8]], [[0, 1, 0]] * 4)
    np.testing.assert_allclose(sun_visibility(sky, points, scene.occluded, 64, np.zeros((4, 2), np.float32)), [0, 1, 1, 1])
    edge = sun_visibility(sky, _points([[-1.5, 0, 0]], [[0, 1, 0]]), scene.occluded, 256, np.zeros((1, 2), np.float32))
    assert 0.2 < edge[0] < 0.8, "the outline of a soft shadow is grey"


def test_light_adds_up_on_an_open_plane() -> None:
    """Nothing hidden, sky of one grey and no sun: diffuse light is base colour times grey, plus at most the lacquer's reflection."""
    grey = np.full(3, 0.5, np.float32)
    sky = Sky(np.array([0, 1, 0], np.float32), np.zeros(3, np.float32), grey, grey, grey)
    np.testing.assert_allclose(sky.radiance(np.array([[0.6, 0.8, 0.0], [0, 1, 0]], np.float32)), 0.5)
    points = _points([[0, 0, 0]] * 3, [[0, 1, 0]] * 3)
    base = np.array([[0.0] * 3, [0.3] * 3, [0.6] * 3], np.float32)
    lit = light_points(EnvironmentLight(5, 32), base, points, lambda rays: np.zeros(len(rays), bool), 32)
    reflected, light = lit[0], (lit[1] - lit[0]) / 0.3
    assert (reflected > 0).all() and (reflected < 0.35).all()
    np.testing.assert_allclose(lit[2], tone_map(reflected + 0.6 * light), atol=0.02)


def test_skies_are_drawn_from_the_seed_alone() -> None:
    first, again, other = draw_sky(7), draw_sky(7), draw_sky(8)
    assert np.array_equal(first.sun_direction, again.sun_direction) and not np.array_equal(first.sun_direction, other.sun_direction)
    for seed in range(20):
        sky = draw_sky(seed)
        assert np.linalg.norm(sky.sun_direction) == pytest.approx(1, abs=1e-5) and sky.sun_direction[1] > 0.4
        assert all((light >= 0).all() and (light <= 1.5).all() for light in (sky.sun, sky.zenith, sky.horizon, sky.ground))


def test_tone_map_is_continuous_monotonous_and_bounded() -> None:
    radiance = np.linspace(0, 8, 4000)
    mapped = tone_map(radiance)
    assert np.array_equal(mapped[radiance < 0.6], radiance[radiance < 0.6])
    assert (np.diff(mapped) >= 0).all() and mapped.max() <= 1 and np.abs(np.diff(mapped)).max() < 0.0025
