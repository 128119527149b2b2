"""Pieces against analytic volumes (tessellation stays below them), closed, oriented outwards."""

import numpy as np
import pytest
import trimesh

from models.geometry.procedural_pieces import Part, box, ellipsoid, joined, prism, revolved, tube

ARC = [(np.cos(t), np.sin(t), 0.0) for t in np.linspace(0.0, 3.0, 40)]
PIECES = {
    "box": (box(1.0, 2.0, 3.0), 6.0),
    "cylinder": (revolved([(1.0, 0.0), (1.0, 2.0)], 200), 2.0 * np.pi),
    "cone": (revolved([(1.0, 0.0), (0.0, 3.0)], 200), np.pi),
    "ellipsoid": (ellipsoid(1.0, 2.0, 0.5, 128), 4.0 / 3.0 * np.pi),
    "straight tube": (tube([(0, 0, 0), (0, 1, 0), (0, 2, 0)], 0.5, 100), 0.5 * np.pi),
    "bent tube": (tube(ARC, 0.1, 40), 3.0 * np.pi * 0.01),
    "prism": (prism([(0, 0), (2, 0), (2, 1), (0, 1)], 3.0), 6.0),
    "turned and moved": (box(1.0, 2.0, 3.0).turned("x", 30.0).turned("z", 70.0).moved(5.0, 1.0, 2.0), 6.0),
    "stretched": (ellipsoid(1.0, 1.0, 1.0, 128).scaled(1.0, 2.0, 0.5), 4.0 / 3.0 * np.pi),
}


def solid(part: Part) -> trimesh.Trimesh:
    mesh = trimesh.Trimesh(np.round(part.vertices, 7), part.faces, process=False)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return mesh


@pytest.mark.parametrize("name", PIECES)
def test_piece(name: str) -> None:
    part, volume = PIECES[name]
    mesh = solid(part)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(volume, rel=0.011)
    corners = part.vertices[part.faces]
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("fk,fk->f", outward, part.normals[part.faces].mean(1)) > -1e-9).all()
    assert np.allclose(np.linalg.norm(part.normals, axis=1), 1.0)
    assert part.uv.min() >= 0.0 and part.uv.max() <= 1.0


def test_turning_is_right_handed() -> None:
    point = Part(np.array([[0.0, 1.0, 0.0]]), np.zeros((0, 3), np.int32), np.array([[0.0, 1.0, 0.0]]), np.zeros((1, 2)))
    assert np.allclose(point.turned("x", 90.0).vertices, [[0.0, 0.0, 1.0]])
    assert np.allclose(point.turned("z", 90.0).vertices, [[-1.0, 0.0, 0.0]])


def test_normals_of_a_sphere_point_outwards_exactly() -> None:
    sphere = ellipsoid(1.0, 1.0, 1.0, 64)
    assert np.abs(sphere.normals - sphere.vertices).max() < 0.05


def test_joined_keeps_every_face() -> None:
    both = joined([box(1, 1, 1), box(1, 1, 1).moved(x=3.0)])
    assert solid(both).volume == pytest.approx(2.0)
