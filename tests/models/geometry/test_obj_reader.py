"""OBJ and MTL: what is right in the files comes out right, what is wrong is named."""

import numpy as np
import pytest

from data_specs.asset import Mesh
from models.geometry.mesh_error import MeshError
from models.geometry.obj_materials import parse_map
from models.geometry.texture_image import encode_texture
from tests.models.geometry.text_files import PICTURE, SQUARE, read, rule_of


def corners(mesh: Mesh) -> list:
    return mesh.vertices[mesh.faces].tolist()


def test_obj_polygons_negative_indices_and_v_axis() -> None:
    plain = read("a.obj", SQUARE + "f 1/1/1 2/2/1 3/3/1 4/4/1\n").mesh
    relative = read("a.obj", SQUARE + "f -4/-4/-1 -3/-3/-1 \\\n -2/-2/-1 -1/-1/-1 # a square\n").mesh
    assert corners(plain) == corners(relative) == [[[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 1, 0], [0, 1, 0]]]
    np.testing.assert_array_equal(plain.uv, [[0, 1], [1, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(plain.normals, np.tile([0, 0, 1], (4, 1)))
    assert read("a.obj", SQUARE + "f 1 2 3\n").mesh.uv is None


def test_obj_seams_are_kept() -> None:
    mesh = read("a.obj", SQUARE + "f 1/1 2/2 3/3\nf 1/3 3/1 4/4\n").mesh
    assert len(mesh.vertices) == 6
    np.testing.assert_array_equal(mesh.uv[mesh.faces[1]], [[1, 0], [0, 1], [0, 0]])


def test_obj_vertex_colours_are_srgb() -> None:
    mesh = read("a.obj", "v 0 0 0 1 0 0.5\nv 1 0 0 1 0 0.5\nv 0 1 0 1 0 0.5\nf 1 2 3\n").mesh
    np.testing.assert_allclose(mesh.vertex_colours, np.tile([1, 0, 0.21404114, 1], (3, 1)), atol=1e-6)


def test_obj_materials_of_two_kinds() -> None:
    mtl = "newmtl red paint\nKd 1 0 0\nd 0.5\nnewmtl wood\nKd 0.64 0.64 0.64\nmap_Kd -s 2 3 1 -o 0.5 0 0 -clamp on wood grain.png\n"
    text = "mtllib my file.mtl\n" + SQUARE + "usemtl wood\nf 1/1 2/2 3/3\nusemtl red paint\nf 1/1 3/3 4/4\n"
    encoded = encode_texture(PICTURE)
    mesh = read("a.obj", text, **{"my file_mtl": mtl.encode(), "wood grain_png": encoded}).mesh
    wood, red = mesh.materials
    np.testing.assert_array_equal(wood.factor, [1, 1, 1, 1])  # a grey Kd beside a map is a tool's default
    assert wood.encoded == encoded and wood.wrap == "clamp"
    assert red.alpha_mode == "blend" and red.texture is None
    np.testing.assert_allclose(red.factor, [1, 0, 0, 0.5])
    np.testing.assert_array_equal(mesh.face_material, [0, 1])
    np.testing.assert_allclose(mesh.uv[mesh.faces[0]], [[0.5, 1], [2.5, 1], [2.5, -2]])


def test_obj_tint_and_opacity_map() -> None:
    mask = PICTURE.copy()
    mask[:2, :, :3] = 0
    mtl = b"newmtl leaf\nKd 0.2 1 0.2\nmap_Kd leaf.png\nmap_d mask.png\n"
    text = "mtllib a.mtl\nusemtl leaf\n" + SQUARE + "f 1/1 2/2 3/3\n"
    leaf = read("a.obj", text, a_mtl=mtl, leaf_png=encode_texture(PICTURE), mask_png=encode_texture(mask)).mesh.materials[0]
    np.testing.assert_allclose(leaf.factor, [0.0331048, 1, 0.0331048, 1], atol=1e-6)
    assert leaf.alpha_mode == "mask" and leaf.texture[0, 0, 3] == 0 and leaf.texture[3, 0, 3] == 200


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be-bom", "latin-1"])
def test_obj_encodings(encoding: str) -> None:
    text = "# caf\u00e9\n" + SQUARE + "f 1 2 3\n"
    data = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-bom" else text.encode(encoding)
    assert len(read("a.obj", data).mesh.faces) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("empty_file", "  \n"),
        ("no_faces", SQUARE),
        ("no_faces", SQUARE + "f 1 2\nl 1 2 3\np 1\n"),
        ("index_out_of_range", SQUARE + "f 1 2 5\n"),
        ("index_out_of_range", SQUARE + "f 0 1 2\n"),
        ("index_out_of_range", SQUARE + "f -9 1 2\n"),
        ("index_out_of_range", SQUARE + "f 1/9 2/2 3/3\n"),
        ("bad_number", SQUARE + "f a b c\n"),
        ("bad_number", "v 1 2\nv 1 2 3\nv 3 4 5\nf 1 2 3\n"),
        ("bad_number", "v 1 2 x\nv 1 2 3\nv 3 4 5\nf 1 2 3\n"),
        ("missing_material", "mtllib none.mtl\nusemtl a\n" + SQUARE + "f 1 2 3\n"),
        ("missing_material", "mtllib a.mtl\nusemtl other\n" + SQUARE + "f 1 2 3\n"),
        ("missing_texture", "mtllib a.mtl\nusemtl a\n" + SQUARE + "f 1/1 2/2 3/3\n"),
        ("unsafe_uri", "mtllib ../a.mtl\nusemtl a\n" + SQUARE + "f 1 2 3\n"),
        ("unsafe_uri", "mtllib b.mtl\nusemtl a\n" + SQUARE + "f 1/1 2/2 3/3\n"),
    ],
)
def test_broken_objs_name_their_rule(rule: str, text: str) -> None:
    assert rule_of("a.obj", text, a_mtl=b"newmtl a\nmap_Kd gone.png\n", b_mtl=b"newmtl a\nmap_Kd C:\\textures\\a.png\n") == rule


def test_map_options() -> None:
    found = parse_map("-blendu on -mm 0 1 -s 2 -o 0.1 0.2 -bm 0.5 a b.png")
    assert (found.path, found.scale, found.offset) == ("a b.png", (2.0, 1.0), (0.1, 0.2))
    with pytest.raises(MeshError):
        parse_map("-s 1 1 1")
