"""PLY, STL and OFF, and the choice of the reader: what is right comes out right, what is wrong is named."""

import contextlib

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from models.geometry.text_decoding import linear_from_srgb
from models.geometry.texture_image import encode_texture
from tests.models.geometry.text_files import PICTURE, SQUARE, read, rule_of

TEXTS = {
    "a.obj": b"mtllib a.mtl\nusemtl a\n" + SQUARE.encode() + b"f 1/1/1 2/2/1 -2/-2/-1 4/4/1\n",
    "a.off": b"OFF\n4 1 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n",
    "a.ply": b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nelement face 1\n"
    b"property list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    "a.stl": trimesh.creation.box().export(file_type="stl"),
}


@settings(max_examples=300, deadline=2000)
@given(st.sampled_from(sorted(TEXTS)), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_give_a_mesh_or_a_value_error(name: str, flips: list[tuple[int, int]]) -> None:
    data = bytearray(TEXTS[name])
    for place, value in flips:
        data[place % len(data)] = value
    with contextlib.suppress(ValueError):
        mesh = read(name, bytes(data), a_mtl=b"newmtl a\nKd 1 0 0\n").mesh
        assert int(mesh.faces.max()) < len(mesh.vertices)


def colourful() -> trimesh.Trimesh:
    made = trimesh.creation.icosphere(1)
    made.visual.vertex_colors = np.tile([255, 188, 0, 255], (len(made.vertices), 1)).astype(np.uint8)
    return made


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_ply_vertex_colours(encoding: str) -> None:
    mesh = read("a.ply", colourful().export(file_type="ply", encoding=encoding)).mesh
    np.testing.assert_allclose(mesh.vertices, colourful().vertices, atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, colourful().faces)
    expected = [1.0, float(linear_from_srgb(np.array(188 / 255))), 0.0, 1.0]
    np.testing.assert_allclose(mesh.vertex_colours, np.tile(expected, (len(mesh.vertices), 1)), atol=1e-6)


def test_ply_texture() -> None:
    header = "ply\nformat ascii 1.0\ncomment TextureFile t.png\nelement vertex 3\n" + "".join(f"property float {n}\n" for n in "xyzst")
    text = header + "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0 0 0\n1 0 0 1 0\n0 1 0 0 1\n3 0 1 2\n"
    mesh = read("a.ply", text, t_png=encode_texture(PICTURE)).mesh
    np.testing.assert_array_equal(mesh.uv[mesh.faces[0]], [[0, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(mesh.materials[0].texture, PICTURE)
    assert rule_of("a.ply", text) == "missing_texture"


def test_stl_both_ways_and_off() -> None:
    ball = colourful()
    for form in ("stl", "stl_ascii"):
        data = ball.export(file_type=form)
        mesh = read("a.STL", data).mesh
        np.testing.assert_allclose(mesh.vertices[mesh.faces], ball.vertices[ball.faces], atol=1e-6)
    mesh = read("a.off", ball.export(file_type="off", digits=8)).mesh
    np.testing.assert_allclose(mesh.vertices[mesh.faces], ball.vertices[ball.faces], atol=1e-6)


def test_off_variants() -> None:
    mesh = read("a.off", "COFF # colours\n4 1 0\n0 0 0 255 0 0 255\n1 0 0 255 0 0 255\n1 1 0 255 0 0 255\n0 1 0 255 0 0 255\n4 0 1 2 3\n").mesh
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    np.testing.assert_array_equal(mesh.vertex_colours, np.tile([1, 0, 0, 1], (4, 1)))


@pytest.mark.parametrize(
    ("rule", "name", "data"),
    [
        ("unsupported_format", "a.fbx", b"Kaydara"),
        ("empty_file", "a.stl", b""),
        ("wrong_content", "a.off", b"<html>"),
        ("absurd_count", "a.off", b"OFF\n9999999999 1 0\n0 0 0\n"),
        ("index_out_of_range", "a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n"),
        ("absurd_count", "a.stl", b"\0" * 80 + b"\xff\xff\xff\x7f" + b"\0" * 50),
        ("wrong_content", "a.ply", b"<html>"),
        ("absurd_count", "a.ply", b"ply\nformat binary_little_endian 1.0\nelement vertex 99999999999\nproperty float x\nend_header\n"),
        ("too_many_faces", "a.ply", b"ply\nformat ascii 1.0\nelement face 99999999999\nproperty list uchar int vertex_indices\nend_header\n"),
        ("no_faces", "a.ply", b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n"),
        ("wrong_content", "a.obj", b"glTF\x02\0\0\0"),
    ],
)
def test_other_broken_files_name_their_rule(rule: str, name: str, data: bytes) -> None:
    assert rule_of(name, data) == rule
