"""The renderer against analytic shapes, a brute-force twin and known coverage."""

import os
import subprocess
import sys

import numpy as np
import pytest

from data_specs.asset import Material, Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import look_at, pixel_centres, project, ray_directions, reprojection_error, view_plan
from models.renderers.base import EnvironmentLight, Maps, UniformLight
from models.renderers.open3d_cpu import Open3DRenderer, threads
from tests.conftest import REPOSITORY
from tests.models.renderers.shapes import card, cube, first_hits, join, sphere

WHITE = UniformLight()


def _render(mesh: Mesh, camera: Camera, samples: int = 1, light: UniformLight | EnvironmentLight = WHITE) -> Maps:
    renderer = Open3DRenderer()
    return renderer.render(renderer.load(mesh), camera, light, samples)


def _front(size: int, fov: float = 30.0, distance: float = 5.0) -> Camera:
    return Camera(Intrinsics.from_fov(size, fov), look_at(np.array([0.0, 0.0, distance])))


def _solid(red: float, green: float, blue: float, alpha: float = 1.0, **settings: object) -> Material:
    return Material(np.array([red, green, blue, alpha], np.float32), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "camera"), [*view_plan("orthogonal4", 96, 0), *view_plan("sphere24", 96, 1)[::6]])
def test_sphere_is_where_geometry_says(name: str, camera: Camera) -> None:
    """Position and depth within 1e-4 and normals within 0.5 degree where the surface is not grazed; distance from the sphere everywhere."""
    maps = _render(sphere(7), camera)
    eye, directions = camera.world_position(), ray_directions(camera, pixel_centres(96, 96))
    a, b, c = (directions**2).sum(-1), directions @ eye, eye @ eye - 1.0
    inside = b * b - a * c
    depth = (-b - np.sqrt(np.maximum(inside, 0.0))) / a
    truth = eye + depth[..., None] * directions
    facing = -(truth * directions).sum(-1) / np.sqrt(a)
    sure = maps.mask & (inside > 0) & (facing > 0.4)
    assert sure.sum() > 0.6 * (inside > 0).sum()
    assert np.abs(maps.position - truth)[sure].max() < 1e-4
    assert np.abs(maps.depth - depth)[sure].max() < 1e-4
    assert np.abs(np.linalg.norm(maps.position[maps.mask], axis=-1) - 1.0).max() < 1e-4
    cosine = np.clip((maps.normal * maps.position).sum(-1)[maps.mask], -1, 1)
    assert np.degrees(np.arccos(cosine)).max() < 0.5
    assert (maps.mask != (inside > 0)).sum() <= 0.02 * maps.mask.sum(), "only the outline may differ"


def test_cube_is_exact() -> None:
    """Every position lies on a face within 1e-6, has that face's normal, and re-projects onto its pixel centre."""
    for _, camera in view_plan("sphere24", 64, 2)[::5]:
        maps = _render(cube(0.8), camera)
        largest = np.abs(maps.position[maps.mask])
        assert np.abs(largest.max(axis=-1) - 0.8).max() < 2e-6
        axis = largest.argmax(axis=-1)
        normal = maps.normal[maps.mask]
        sides = np.sort(largest, axis=-1)
        inner = sides[:, 2] - sides[:, 1] > 1e-5
        rows = np.flatnonzero(inner)
        expected = np.sign(maps.position[maps.mask][rows, axis[rows]])
        assert np.allclose(normal[rows, axis[rows]], expected, atol=1e-6)
        assert reprojection_error(maps.position, maps.mask, camera) < 0.01
        _, depth = project(maps.position[maps.mask], camera)
        assert np.abs(depth - maps.depth[maps.mask]).max() < 5e-6


def test_brute_force_twin_sees_the_same() -> None:
    rng = np.random.default_rng(4)
    soup = Mesh(rng.uniform(-0.9, 0.9, (60, 3)).astype(np.float32), np.arange(60, dtype=np.int32).reshape(20, 3))
    camera = view_plan("turntable8", 48, 0)[1][1]
    maps = _render(soup, camera)
    directions = ray_directions(camera, pixel_centres(48, 48)).reshape(-1, 3)
    distance, face = first_hits(soup, camera.world_position(), directions)
    hit = np.isfinite(distance)
    assert (hit == maps.mask.reshape(-1)).mean() > 0.999
    both = hit & maps.mask.reshape(-1)
    assert np.abs(maps.depth.reshape(-1) - distance)[both].max() < 2e-5
    corners = soup.vertices[soup.faces].astype(np.float64)
    truth = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[face]
    cosine = np.abs((truth * maps.normal.reshape(-1, 3)).sum(-1) / np.linalg.norm(truth, axis=-1))[both]
    assert cosine.min() > 1 - 1e-5


def test_nothing_lies_where_nothing_is_hit_and_normals_face_the_viewer() -> None:
    camera = view_plan("photographic4", 64, 3)[1][1]
    maps = _render(sphere(2), camera, samples=8)
    for values in (maps.depth, maps.normal, maps.position):
        assert not values[~maps.mask].any()
    view = ray_directions(camera, pixel_centres(64, 64))[maps.mask]
    assert (maps.normal[maps.mask] * view).sum(-1).max() < 1e-5
    assert np.allclose(np.linalg.norm(maps.normal[maps.mask], axis=-1), 1, atol=1e-5)
    assert maps.rgb.dtype == np.uint8 and maps.depth.dtype == maps.normal.dtype == maps.position.dtype == np.float32


def test_alpha_is_the_coverage_of_a_half_plane() -> None:
    """A card's slanted edge: mean opacity over the picture equals the true covered area within 0.3 %, single pixels within 1 / samples + 0.07."""
    mesh, camera, samples = card(Material()), _front(32, 20.0), 64
    turned = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1]], np.float32)
    shifted = Mesh(mesh.vertices @ turned.T + np.array([1.0, 0.0, 0.0], np.float32), mesh.faces)
    alpha = _render(shifted, camera, samples).rgb[..., 3] / 255.0
    fine = np.stack(np.meshgrid((np.arange(32 * 16) + 0.5) / 16, (np.arange(32 * 16) + 0.5) / 16), axis=-1)
    points = camera.world_position() + 5.0 * ray_directions(camera, fine) - [1.0, 0.0, 0.0]
    inside = (np.abs((points @ turned)[..., :2]) <= 1.0).all(-1).reshape(32, 16, 32, 16).mean(axis=(1, 3))
    assert 0.2 < inside.mean() < 0.8
    assert abs(alpha.mean() - inside.mean()) < 3e-3
    assert np.abs(alpha - inside).max() < 1 / samples + 0.07


def test_uniform_light_gives_the_base_colour() -> None:
    """Linear (1, 0.5, 0.2) is sRGB (255, 188, 124)."""
    maps = _render(card(_solid(1.0, 0.5, 0.2)), _front(16))
    assert maps.rgb[8, 8].tolist() == [255, 188, 124, 255]


def test_texture_stands_upright_and_large_textures_do_not_alias() -> None:
    texture = np.full((4, 4, 4), 255, np.uint8)
    texture[:2, :2, 1:3] = 0
    picture = _render(card(Material(texture=texture)), _front(32)).rgb
    assert picture[8, 8].tolist() == [255, 0, 0, 255] and picture[24, 24].tolist() == [255, 255, 255, 255]
    checks = np.zeros((1024, 1024, 4), np.uint8)
    checks[..., 3] = 255
    checks[(np.indices((1024, 1024)).sum(axis=0) % 2) == 0, :3] = 255
    inner = _render(card(Material(texture=checks)), _front(32)).rgb[8:24, 8:24, 0]
    assert inner.min() >= 186 and inner.max() <= 190, "half of the light everywhere: sRGB 188"


def test_mask_cuts_holes_and_blend_shows_what_is_behind() -> None:
    holes = np.full((8, 8, 4), 255, np.uint8)
    holes[:, :4, 3] = 0
    back = card(_solid(0.0, 0.0, 1.0), z=-0.5, half_side=0.9)
    cut = _render(join(card(Material(texture=holes, alpha_mode="mask")), back), _front(32))
    assert cut.rgb[16, 8].tolist() == [0, 0, 255, 255] and cut.rgb[16, 24].tolist() == [255, 255, 255, 255]
    assert cut.depth[16, 8] == pytest.approx(5.5, abs=1e-5) and cut.depth[16, 24] == pytest.approx(5.0, abs=1e-5)
    glass = _render(join(card(_solid(1.0, 0.0, 0.0, 0.4, alpha_mode="blend")), back), _front(32))
    assert glass.rgb[16, 16].tolist() == [170, 0, 203, 255], "0.4 red over blue, in linear light"
    assert glass.depth[16, 16] == pytest.approx(5.5, abs=1e-5), "geometry is the first surface that is at least half opaque"
    alone = _render(card(_solid(1.0, 0.0, 0.0, 0.4, alpha_mode="blend")), _front(32))
    assert alone.rgb[16, 16].tolist() == [255, 0, 0, 102] and not alone.mask.any()


def test_environment_light_is_deterministic_darkens_shadow_and_keeps_geometry() -> None:
    """A box over the middle of a floor shades it: pictures repeat, geometry is the same in both lights."""
    floor = card(Material(), half_side=1.0)
    turned = floor.vertices[:, [0, 2, 1]] * np.array([1, 1, -1], np.float32) - np.array([0, 0.5, 0], np.float32)
    box = cube(0.3)
    mesh = Mesh(np.concatenate([turned, box.vertices]).astype(np.float32), np.concatenate([floor.faces, box.faces + 4]).astype(np.int32))
    camera = Camera(Intrinsics.from_fov(48, 40.0), look_at(np.array([0.0, 2.5, 3.0])))
    first, second, white = (_render(mesh, camera, 4, light) for light in (EnvironmentLight(3, 16), EnvironmentLight(3, 16), WHITE))
    other = _render(mesh, camera, 4, EnvironmentLight(4, 16))
    assert np.array_equal(first.rgb, second.rgb) and not np.array_equal(first.rgb, other.rgb)
    assert np.array_equal(first.position, white.position) and np.array_equal(first.normal, white.normal)
    assert np.array_equal(first.rgb[..., 3], white.rgb[..., 3])
    on_floor = first.mask & (np.abs(first.position[..., 1] + 0.5) < 1e-4)
    luminance = first.rgb[..., :3].mean(-1)[on_floor]
    assert luminance.min() < 0.7 * luminance.max()


@pytest.mark.parametrize(
    ("mesh", "words"),
    [
        (Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)), "cannot be drawn"),
        (Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 3]], np.int32)), "vertex 3 of 3"),
        (Mesh(np.full((3, 3), np.inf, np.float32), np.array([[0, 1, 2]], np.int32)), "not finite"),
        (Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), face_material=np.array([1], np.int32)), "material 1 of 1"),
    ],
)
def test_meshes_that_cannot_be_drawn_say_why(mesh: Mesh, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Open3DRenderer().load(mesh)


RENDER = """
import os
from models.renderers.base import EnvironmentLight
from tests.models.renderers.test_open3d_cpu import _front, _render
from tests.models.renderers.shapes import sphere
before = len(os.listdir("/proc/self/task"))
_render(sphere(6), _front(256), 4, EnvironmentLight(0, 16))
print(len(os.listdir("/proc/self/task")) - before)
"""


def test_a_worker_of_one_core_starts_no_threads_for_its_rays() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
    ran = subprocess.run([sys.executable, "-c", RENDER], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "0"


@pytest.mark.parametrize(("given", "expected"), [("3", 3), ("4,2", 4), ("", 0), ("many", 0)])
def test_the_number_of_threads_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, given: str, expected: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert threads() == expected
