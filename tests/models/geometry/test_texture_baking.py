"""Textures baked from true pictures give the pictures back; what no view shows is filled from beside it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from data_specs.asset import Material, Mesh
from data_specs.camera import Camera
from models.diffusion.pictures import on_white
from models.geometry.back_projection import SurfaceView
from models.geometry.camera_math import view_plan
from models.geometry.procedural import build_object
from models.geometry.texture_baking import bake_views, fill_from_nearest, spread_over_gutters
from models.geometry.unwrapping import unwrap
from models.geometry.uv_atlas import texels_of, triangle_atlas
from models.metrics.image_quality import psnr
from models.renderers.base import Maps, UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tests.models.geometry.surface_views import sphere_views, stripes
from tests.models.renderers.shapes import card, cube, sphere

COLOURS = np.array([[230, 40, 40], [40, 200, 60], [50, 70, 220], [240, 220, 60], [30, 190, 200], [200, 60, 190]]) / 255.0
CUBE = cube()


def cameras(size: int) -> list[Camera]:
    return [camera for _, camera in view_plan("orthogonal4", size, 0)]


def render(mesh: Mesh, size: int) -> list[Maps]:
    renderer = Open3DRenderer()
    scene = renderer.load(mesh)
    return [renderer.render(scene, camera, UniformLight(), 16) for camera in cameras(size)]


def as_views(maps: list[Maps], size: int) -> list[SurfaceView]:
    return [
        SurfaceView(on_white(m.rgb) / 255.0, m.mask & (m.rgb[..., 3] == 255), m.position.astype(float), m.normal.astype(float), camera)
        for m, camera in zip(maps, cameras(size))
    ]


def rendered_again(mesh: Mesh, corner_uv: np.ndarray, size: int, side: int) -> float:
    """PSNR in dB over all that the four views show, of a mesh painted with its own renders."""
    views = as_views(render(mesh, size), size)
    again = as_views(render(bake_views(mesh, corner_uv, views, side).mesh, size), size)
    return psnr(*(np.concatenate([view.rgb for view in some]) for some in (again, views)), np.concatenate([view.mask for view in views]))


@cache
def painted(category: str) -> Mesh:
    return build_object(category, 1).detailed


@pytest.mark.parametrize("category", ["teapot", "chair"])
def test_true_pictures_come_back(category: str) -> None:
    mesh = painted(category)
    assert mesh.uv is not None
    assert rendered_again(mesh, mesh.uv[mesh.faces].astype(float), 512, 1024) > 30.0


def test_true_pictures_come_back_from_charts() -> None:
    mesh = painted("table")
    assert rendered_again(mesh, unwrap(mesh.vertices, mesh.faces, 512), 128, 512) > 30.0


def test_true_pictures_come_back_from_single_triangles() -> None:
    mesh = painted("table")
    assert rendered_again(mesh, triangle_atlas(len(mesh.faces), 1024), 128, 1024) > 30.0


def test_a_painted_sphere_has_its_formula_in_every_texel_that_is_seen() -> None:
    ball = sphere(4)
    corner_uv = triangle_atlas(len(ball.faces), 512)
    baked = bake_views(ball, corner_uv, sphere_views(256), 512)
    texels = texels_of(corner_uv, 512)
    points = (ball.vertices[ball.faces[texels.face]] * texels.barycentric[..., None]).sum(axis=1)
    colours = texture_of(baked.mesh).reshape(-1, 4)[texels.place, :3] / 255.0
    seen = np.abs(points[:, 1]) < 0.9
    assert np.abs(colours - stripes(points))[seen].max() < 0.15
    assert np.sqrt(((colours - stripes(points))[seen] ** 2).mean()) < 0.01
    assert 0.9 < baked.seen < 1.0  # the poles are out of sight


def texture_of(mesh: Mesh) -> np.ndarray:
    texture = mesh.materials[0].texture
    assert texture is not None
    return texture


def cube_views(size: int) -> list[SurfaceView]:
    """The four upright sides of the cube in one colour each."""
    return [replace(view, rgb=np.where(view.mask[..., None], COLOURS[k], 1.0)) for k, view in enumerate(as_views(render(CUBE, size), size))]


@pytest.mark.parametrize("mesh", [CUBE, replace(CUBE, faces=np.ascontiguousarray(CUBE.faces[:, ::-1]))], ids=["outwards", "inwards"])
def test_a_cube_of_six_colours(mesh: Mesh) -> None:
    corner_uv = triangle_atlas(12, 256)
    baked = bake_views(mesh, corner_uv, cube_views(128), 256)
    texels = texels_of(corner_uv, 256)
    points = (mesh.vertices[mesh.faces[texels.face]] * texels.barycentric[..., None]).sum(axis=1)
    colours = texture_of(baked.mesh).reshape(-1, 4)[texels.place, :3] / 255.0
    sides = np.array([[0, 0, 1], [1, 0, 0], [0, 0, -1], [-1, 0, 0]])
    upright = np.abs(points[:, 1]) < 0.97
    true = COLOURS[np.argmax(points @ sides.T, axis=1)]
    clear = np.sort(np.abs(points[:, [0, 2]]), axis=1)[:, 0] < 0.95  # not at an upright edge
    np.testing.assert_allclose(colours[upright & clear], true[upright & clear], atol=1.5 / 255)
    lid = ~upright & clear & (np.abs(points[:, [0, 2]]).max(axis=1) > 0.9)  # top and bottom, near one side: as that side
    assert lid.sum() > 50
    assert np.abs(colours[lid] - true[lid]).mean() < 0.05
    assert (colours >= COLOURS[:4].min(axis=0) - 0.01).all() and (colours <= COLOURS[:4].max(axis=0) + 0.01).all()
    assert baked.seen == pytest.approx(4 / 6, abs=0.03)


def test_a_wrong_outline_is_not_painted_where_something_else_is_seen() -> None:
    views = cube_views(64)
    inner = np.zeros((64, 64), bool)
    spoilt = []
    for view in views:
        rows, columns = np.flatnonzero(view.mask.any(axis=1)), np.flatnonzero(view.mask.any(axis=0))
        inner[:] = False
        inner[rows[0] + 1 : rows[-1], columns[0] + 1 : columns[-1]] = True
        spoilt.append(replace(view, rgb=np.where(inner[..., None], view.rgb, 1.0)))
    corner_uv = triangle_atlas(12, 128)
    white = [(texture_of(bake_views(CUBE, corner_uv, spoilt, 128, inset).mesh)[..., :3].min(axis=2) > 200).mean() for inset in (0, 1)]
    assert white[1] < white[0]


def test_opacity_stays_where_it_was() -> None:
    texture = np.full((8, 8, 4), 255, np.uint8)
    texture[:, 4:, 3] = 0
    leaf = card(Material(texture=texture, alpha_mode="mask"))
    views = as_views(render(leaf, 64), 64)
    baked = bake_views(leaf, triangle_atlas(2, 64), views, 64)
    assert baked.mesh.materials[0].alpha_mode == "mask"
    before, after = (render(mesh, 64)[0].rgb[..., 3] for mesh in (leaf, baked.mesh))
    assert (np.abs(before.astype(int) - after) > 128).mean() < 0.02


def test_nothing_in_sight_is_an_error() -> None:
    views = [replace(view, mask=np.zeros_like(view.mask)) for view in cube_views(32)]
    with pytest.raises(ValueError, match="no view sees"):
        bake_views(CUBE, triangle_atlas(12, 64), views, 64)


def test_filling_takes_the_nearest_colours() -> None:
    seen = np.array([[0.0, 0, 0], [1.0, 0, 0], [0.0, 9, 0]])
    colours = np.eye(3)
    filled = fill_from_nearest(seen, colours, np.array([[0.1, 0, 0], [0.5, 0, 0]]))
    weights = 1.0 / np.array([[0.01, 0.81, 81.01], [0.25, 0.25, 81.25]])
    np.testing.assert_allclose(filled, weights / weights.sum(axis=1, keepdims=True), atol=1e-9)


def test_gutters_take_the_nearest_texel() -> None:
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 255, (24, 24, 4)).astype(np.uint8)
    place = np.sort(rng.permutation(24 * 24)[:30])
    spread = spread_over_gutters(texture, place)
    charts = np.stack(np.divmod(place, 24), axis=1)
    for row in range(24):
        for column in range(24):
            distance = np.linalg.norm(charts - [row, column], axis=1)
            nearest = texture.reshape(-1, 4)[place[distance <= distance.min() * 1.03]]  # the transform is good to 3 %
            assert (spread[row, column] == nearest).all(axis=1).any()
