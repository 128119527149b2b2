"""The atlas: charts apart, texels where the mesh says they are, shading normals of known surfaces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.geometry.procedural_atlas import ATLAS_PIXELS, PADDING_PIXELS, Assembly, assemble, pack
from models.geometry.procedural_grid import Grid, box, cylinder, ellipsoid, prism, torus, tube

GRIDS = {
    "box": box(1.0, 2.0, 3.0, 0.2),
    "cylinder": cylinder(0.5, 2.0, 0.1),
    "ellipsoid": ellipsoid(1.0, 0.5, 0.7),
    "prism": prism([(0, 0), (2, 0), (2, 1), (1, 2), (0, 1)], 1.0),
    "torus": torus(1.0, 0.3),
    "tube": tube([(0, 0, 0), (0, 2, 0), (1, 3, 0)], 0.2),
}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0.02, 5.0), st.floats(0.02, 5.0)), min_size=1, max_size=40))
def test_charts_never_overlap_even_with_padding(lengths: list[tuple[float, float]]) -> None:
    covered = np.zeros((ATLAS_PIXELS, ATLAS_PIXELS), int)
    charts = pack(lengths)
    for chart in charts:
        covered[chart.window()] += 1
        assert min(chart.left, chart.top) >= PADDING_PIXELS
        assert max(chart.left + chart.width, chart.top + chart.height) <= ATLAS_PIXELS - PADDING_PIXELS
    assert covered.max() == 1
    assert covered.sum() == sum((chart.width + 2 * PADDING_PIXELS) * (chart.height + 2 * PADDING_PIXELS) for chart in charts)


def test_charts_have_one_scale() -> None:
    lengths = [(1.0, 2.0), (3.0, 0.5), (0.7, 0.7), (2.0, 2.0)]
    charts = pack(lengths)
    scales = [max(chart.width, chart.height) / max(length) for chart, length in zip(charts, lengths, strict=True)]
    assert np.ptp(scales) / np.mean(scales) < 0.02
    assert sum(chart.width * chart.height for chart in charts) > 0.5 * ATLAS_PIXELS**2


def texel_positions(assembly: Assembly, low_high: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(S, S, 3) object-frame positions of the atlas' texels, NaN where there is no part."""
    atlas = np.full((ATLAS_PIXELS, ATLAS_PIXELS, 3), np.nan)
    for chart, texels in zip(assembly.charts, assembly.texels, strict=True):
        position = ((texels.position - (low_high[0] + low_high[1]) / 2.0) * assembly.scale).reshape(*texels.shape, 3)
        atlas[chart.window()] = position.swapaxes(0, 1) if chart.transposed else position
    return atlas


@pytest.mark.parametrize("name", GRIDS)
def test_texels_lie_where_the_mesh_puts_them(name: str) -> None:
    """Points on faces, by barycentric coordinates, against the bilinear position map at their texture coordinates: within 2 texels."""
    grids = [GRIDS[name].moved(4.0), box(0.5, 0.5, 0.5)]
    assembly, rng = assemble(grids), np.random.default_rng(0)
    everything = np.concatenate([grid.points.reshape(-1, 3) for grid in grids])
    atlas = texel_positions(assembly, (everything.min(axis=0), everything.max(axis=0)))
    faces = assembly.mesh.faces[rng.integers(0, len(assembly.mesh.faces), 2000)]
    weights = rng.dirichlet([1.0, 1.0, 1.0], 2000)[..., None]
    assert assembly.mesh.uv is not None
    point, pixel = ((values[faces] * weights).sum(axis=1) for values in (assembly.mesh.vertices, assembly.mesh.uv * ATLAS_PIXELS))
    found = atlas[pixel[:, 1].astype(int), pixel[:, 0].astype(int)]
    length = np.linalg.norm(np.diff(atlas, axis=0), axis=-1)
    texel = np.nanmax(length[length < 0.05])
    assert np.linalg.norm(found - point, axis=1).max() < 2.0 * texel


def normals_of(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    mesh = assemble([grid]).mesh
    assert mesh.normals is not None
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-5)
    return mesh.vertices.astype(float), mesh.normals.astype(float)


def test_a_sphere_is_smooth_up_to_its_poles() -> None:
    vertices, normals = normals_of(ellipsoid(1.0, 1.0, 1.0, rows=24, columns=48))
    cosine = (normals * vertices / np.linalg.norm(vertices, axis=1, keepdims=True)).sum(axis=1)
    assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() < 2.5


def test_a_cube_is_flat_and_split_at_its_edges() -> None:
    _, normals = normals_of(prism([(-1, -1), (1, -1), (1, 1), (-1, 1)], 2.0))
    assert np.allclose(np.sort(np.abs(normals), axis=1), [0.0, 0.0, 1.0], atol=1e-6)


def test_a_cylinder_is_smooth_around_and_split_at_its_rims() -> None:
    vertices, normals = normals_of(cylinder(1.0, 2.0, columns=64))
    side = np.abs(normals[:, 1]) < 0.5
    assert np.allclose(normals[~side], np.sign(vertices[~side, 1:2]) * [0.0, 1.0, 0.0], atol=1e-6)
    radial = vertices[side] * [1.0, 0.0, 1.0]
    assert np.allclose(normals[side], radial / np.linalg.norm(radial, axis=1, keepdims=True), atol=2e-3)


def test_a_torus_is_smooth_across_its_seams() -> None:
    vertices, normals = normals_of(torus(0.75, 0.25, 64))
    radial = vertices * [1.0, 0.0, 1.0]
    spine = 0.75 * radial / np.linalg.norm(radial, axis=1, keepdims=True)
    outward = (vertices - spine) / np.linalg.norm(vertices - spine, axis=1, keepdims=True)
    assert np.degrees(np.arccos((normals * outward).sum(axis=1).clip(-1, 1))).max() < 2.0


def test_flat_faces_stay_flat_beside_a_bevel() -> None:
    mesh = assemble([box(2.0, 2.0, 2.0, 0.1)]).mesh
    assert mesh.normals is not None
    corners = mesh.vertices[mesh.faces].astype(float)
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    large = np.linalg.norm(flat, axis=1) > 1.0
    shading = mesh.normals[mesh.faces[large]]
    assert large.sum() >= 12 and np.abs(shading).max(axis=2).min() > np.cos(np.radians(4.0))
