"""OBJ, PLY, STL and OFF: what is right in the file comes out right, what is wrong is named."""

import contextlib
import io

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_specs.asset import Mesh
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import ReadMesh
from models.geometry.mesh_reader import read_mesh
from models.geometry.obj_materials import parse_map
from models.geometry.text_decoding import linear_from_srgb
from models.geometry.texture_image import decode_texture, encode_texture, limit_textures

PICTURE = np.zeros((4, 4, 4), np.uint8) + np.array([200, 100, 50, 255], np.uint8)
SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nvn 0 0 1\n"


def read(name: str, text: str | bytes, **files: bytes) -> ReadMesh:
    def resolve(path: str) -> bytes:
        key = path.replace(".", "_")
        if key not in files:
            raise MeshError("missing_file", path)
        return files[key]

    return read_mesh(name, text.encode() if isinstance(text, str) else text, resolve)


def rule_of(name: str, text: str | bytes, **files: bytes) -> str:
    with pytest.raises(MeshError) as caught:
        read(name, text, **files)
    return caught.value.rule


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


def test_map_options() -> None:
    found = parse_map("-blendu on -mm 0 1 -s 2 -o 0.1 0.2 -bm 0.5 a b.png")
    assert (found.path, found.scale, found.offset) == ("a b.png", (2.0, 1.0), (0.1, 0.2))
    with pytest.raises(MeshError):
        parse_map("-s 1 1 1")


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


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK"])
def test_pictures_of_every_mode_decode_like_pillow(mode: str) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    image = Image.fromarray(grey.astype(np.uint16) << 8) if mode == "I;16" else Image.fromarray(np.dstack([grey, 255 - grey, grey])).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    expected = np.dstack([grey, grey, grey, np.full_like(grey, 255)]) if mode == "I;16" else np.asarray(Image.open(buffer).convert("RGBA"))
    np.testing.assert_allclose(decode_texture(buffer.getvalue()).astype(int), expected.astype(int), atol=1)


def test_large_textures_shrink_and_keep_their_kind() -> None:
    from data_specs.asset import Material

    big = np.zeros((64, 128, 4), np.uint8) + np.array([10, 20, 30, 255], np.uint8)
    jpeg = encode_texture(big, quality=95)
    mesh = Mesh(np.zeros((3, 3), np.float32), np.zeros((1, 3), np.int32), materials=(Material(texture=big, encoded=jpeg), Material(texture=big)))
    first, second = limit_textures(mesh, 32).materials
    assert first.texture.shape == second.texture.shape == (16, 32, 4)
    assert first.encoded[:2] == b"\xff\xd8"
    np.testing.assert_array_equal(decode_texture(first.encoded), first.texture)
