"""What glTF says and trimesh misreads: each feature in a file made by hand, against positions worked out on paper."""

import contextlib
import json
import struct
from typing import Any

import DracoPy
import meshoptimizer
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.geometry.glb_reader import read_glb, read_gltf
from models.geometry.mesh_error import MeshError
from models.geometry.texture_image import encode_texture
from tests.models.geometry.gltf_files import QUAD, QUAD_FACES, QUAD_UV, GltfFile

UP = np.array([0.0, 0.0, 1.0])
PICTURE = np.zeros((2, 2, 4), np.uint8) + np.array([200, 100, 50, 255], np.uint8)


def unordered(triangles: np.ndarray) -> list:
    """Triangles (F, 3, N) in an order that does not depend on which comes first or on the corner it begins with, to 3 digits."""
    return sorted(min(np.roll(triangle, turn, axis=0).round(3).tolist() for turn in range(3)) for triangle in triangles)


def broken_rule(data: bytes) -> str:
    with pytest.raises(MeshError) as caught:
        read_gltf(data)
    return caught.value.rule


@pytest.mark.parametrize("form", ["glb", "gltf"])
def test_plain_quad(form: str) -> None:
    file = GltfFile()
    mesh = read_glb(getattr(file.mesh(file.quad()), form)())
    np.testing.assert_array_equal(mesh.vertices, QUAD)
    np.testing.assert_array_equal(mesh.faces, QUAD_FACES.reshape(2, 3))
    np.testing.assert_array_equal(mesh.uv, QUAD_UV)
    assert not mesh.materials[0].double_sided


@pytest.mark.parametrize(
    ("mode", "corners", "expected"),
    [(5, [0, 1, 3, 2], [[0, 1, 3], [3, 1, 2]]), (6, [0, 1, 2, 3], [[0, 1, 2], [0, 2, 3]]), (4, [0, 1, 2, 0, 2], [[0, 1, 2]])],
)
def test_primitive_modes(mode: int, corners: list[int], expected: list[list[int]]) -> None:
    file = GltfFile()
    file.mesh({"attributes": {"POSITION": file.accessor(QUAD)}, "indices": file.accessor(np.array(corners, np.uint8)), "mode": mode})
    mesh = read_glb(file.glb())
    assert unordered(mesh.vertices[mesh.faces]) == unordered(QUAD[np.array(expected)])


def test_points_and_lines_are_ignored_with_a_warning() -> None:
    file = GltfFile()
    line = {"attributes": {"POSITION": file.accessor(QUAD + 7)}, "mode": 1}
    read = read_gltf(file.mesh(line, file.quad()).glb())
    np.testing.assert_array_equal(read.mesh.vertices, QUAD)
    assert "ignored" in read.warnings[0]
    assert broken_rule(GltfFile().glb()) == "bad_reference"


def test_without_indices_and_with_unused_vertices() -> None:
    file = GltfFile()
    file.mesh({"attributes": {"POSITION": file.accessor(QUAD[[0, 1, 2, 3]])}})
    mesh = read_glb(file.glb())
    assert mesh.vertices.shape == (3, 3) and mesh.faces.tolist() == [[0, 1, 2]]


def test_node_transforms_scene_choice_and_mirroring() -> None:
    file = GltfFile()
    file.mesh(file.quad())
    half = np.sqrt(0.5)
    file.tree["nodes"] = [
        {"children": [1], "translation": [10, 0, 0]},
        {"mesh": 0, "rotation": [0, half, 0, half], "scale": [2, 1, -1]},
        {"mesh": 0, "translation": [99, 0, 0]},
    ]
    file.tree["scenes"] = [{"nodes": [2]}, {"nodes": [0]}]
    file.tree["scene"] = 1
    mesh = read_glb(file.glb())
    # +90 degrees about Y takes (x, y, z) to (z, y, -x); the scale comes before.
    np.testing.assert_allclose(mesh.vertices, [[10, 0, 0], [10, 0, -2], [10, 1, -2], [10, 1, 0]], atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, QUAD_FACES.reshape(2, 3)[:, ::-1])


def test_matrix_is_column_major_and_normals_turn_by_the_inverse_transpose() -> None:
    file = GltfFile()
    primitive = file.quad()
    slanted = np.tile(np.array([[0.6, 0.0, 0.8]], np.float32), (4, 1))
    primitive["attributes"]["NORMAL"] = file.accessor(slanted)
    file.mesh(primitive)
    file.tree["nodes"] = [{"mesh": 0, "matrix": [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]}]
    mesh = read_glb(file.glb())
    np.testing.assert_allclose(mesh.vertices, QUAD * [2, 1, 1] + [5, 6, 7])
    expected = np.array([0.3, 0.0, 0.8]) / np.linalg.norm([0.3, 0.0, 0.8])
    np.testing.assert_allclose(mesh.normals, np.tile(expected, (4, 1)), atol=1e-6)


def test_two_instances_of_one_mesh() -> None:
    file = GltfFile()
    file.mesh(file.quad())
    file.tree["nodes"] = [{"mesh": 0}, {"mesh": 0, "translation": [0, 0, 3]}]
    file.tree["scenes"] = [{"nodes": [0, 1]}]
    np.testing.assert_array_equal(read_glb(file.glb()).vertices, np.concatenate([QUAD, QUAD + np.float32([0, 0, 3])]))


def test_byte_stride_and_offsets() -> None:
    file = GltfFile()
    mixed = np.concatenate([QUAD, QUAD_UV], axis=1).astype(np.float32)
    view = file.view(mixed.tobytes(), byteStride=20)
    for kind, offset in (("VEC3", 0), ("VEC2", 12)):
        file.tree["accessors"].append({"bufferView": view, "byteOffset": offset, "componentType": 5126, "count": 4, "type": kind})
    mesh = read_glb(file.mesh({"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": file.accessor(QUAD_FACES)}).glb())
    np.testing.assert_array_equal(mesh.vertices, QUAD)
    np.testing.assert_array_equal(mesh.uv, QUAD_UV)


@pytest.mark.parametrize("dense", [True, False])
def test_sparse_accessors(dense: bool) -> None:
    file = GltfFile()
    primitive = file.quad()
    rows = [1, 2] if dense else [1, 2, 3]
    moved = QUAD.copy()
    moved[[1, 2], 2] = 5.0
    sparse = {"count": len(rows), "indices": {"bufferView": file.view(np.array(rows, np.uint16).tobytes()), "componentType": 5123}}
    sparse["values"] = {"bufferView": file.view(moved[rows].tobytes())}
    entry = file.tree["accessors"][primitive["attributes"]["POSITION"]]
    entry["sparse"] = sparse
    if not dense:
        del entry["bufferView"]  # starts from zeros
    np.testing.assert_array_equal(read_glb(file.mesh(primitive).glb()).vertices, moved)


def test_quantised_and_normalised_attributes() -> None:
    file = GltfFile()
    file.tree["extensionsRequired"] = ["KHR_mesh_quantization"]
    attributes = {
        "POSITION": file.accessor((QUAD * 100).astype(np.int16)),
        "NORMAL": file.accessor(np.tile(np.array([[0, 0, -128]], np.int8), (4, 1)), normalized=True),
        "TEXCOORD_0": file.accessor((QUAD_UV * 65535).astype(np.uint16), normalized=True),
        "COLOR_0": file.accessor(np.tile(np.array([[255, 51, 0]], np.uint8), (4, 1)), normalized=True),
    }
    mesh = read_glb(file.mesh({"attributes": attributes, "indices": file.accessor(QUAD_FACES)}).glb())
    np.testing.assert_array_equal(mesh.vertices, QUAD * 100)
    np.testing.assert_array_equal(mesh.normals, np.tile([[0, 0, -1]], (4, 1)))
    np.testing.assert_array_equal(mesh.uv, QUAD_UV)
    np.testing.assert_allclose(mesh.vertex_colours, np.tile([[1, 0.2, 0, 1]], (4, 1)), atol=1e-7)


def test_skin_at_rest_pose_ignores_the_node_transform() -> None:
    file = GltfFile()
    primitive = file.quad()
    primitive["attributes"]["JOINTS_0"] = file.accessor(np.array([[0, 1, 0, 0]] * 4, np.uint8))
    weights = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0.5, 0, 0], [2, 0, 0, 0]], np.float32)
    primitive["attributes"]["WEIGHTS_0"] = file.accessor(weights)
    bind = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    bind[1, :3, 3] = [0, -1, 0]
    matrices = file.accessor(bind.transpose(0, 2, 1).reshape(2, 16))
    file.tree["nodes"] = [{"mesh": 0, "skin": 0, "translation": [50, 50, 50]}, {"translation": [0, 0, 1], "children": [2]}, {"scale": [3, 3, 3]}]
    file.tree["scenes"] = [{"nodes": [0, 1]}]
    file.tree["skins"] = [{"joints": [1, 2], "inverseBindMatrices": matrices}]
    by_first, by_second = QUAD + UP, 3 * (QUAD - [0, 1, 0]) + UP
    expected = [by_first[0], by_second[1], (by_first[2] + by_second[2]) / 2, by_first[3]]
    np.testing.assert_allclose(read_glb(file.mesh(primitive).glb()).vertices, expected, atol=1e-6)


def test_morph_targets_at_default_weights() -> None:
    file = GltfFile()
    shift = file.accessor(np.tile(np.array([[0, 0, 4]], np.float32), (4, 1)))
    data = file.mesh(file.quad(targets=[{"POSITION": shift}]), weights=[0.25]).glb()
    np.testing.assert_allclose(read_glb(data).vertices, QUAD + UP)
    file.tree["nodes"][0]["weights"] = [0.5]
    np.testing.assert_allclose(read_glb(file.glb()).vertices, QUAD + 2 * UP)


def test_materials_factors_wraps_alpha_and_sides() -> None:
    file = GltfFile()
    texture = file.texture(encode_texture(PICTURE), wrapS=33071, wrapT=33071)
    base = {"baseColorFactor": [0.5, 1, 1, 0.5], "baseColorTexture": {"index": texture}}
    first = file.material(pbrMetallicRoughness=base, alphaMode="MASK", alphaCutoff=0.3, doubleSided=True)
    glossy = {"diffuseFactor": [0.25, 0, 0, 1], "diffuseTexture": {"index": texture}}
    second = file.material(extensions={"KHR_materials_pbrSpecularGlossiness": glossy})
    mesh = read_glb(file.mesh(file.quad(material=first), file.quad(material=second), file.quad()).glb())
    a, b, c = mesh.materials
    assert (a.wrap, a.alpha_mode, a.alpha_cutoff, a.double_sided) == ("clamp", "mask", 0.3, True)
    np.testing.assert_array_equal(a.factor, np.float32([0.5, 1, 1, 0.5]))
    np.testing.assert_array_equal(b.factor, np.float32([0.25, 0, 0, 1]))
    assert a.texture is b.texture and c.texture is None
    np.testing.assert_array_equal(a.texture, PICTURE)
    np.testing.assert_array_equal(mesh.face_material, [0, 0, 1, 1, 2, 2])


def test_texture_transform_and_coordinate_set_are_baked() -> None:
    file = GltfFile()
    transform = {"offset": [0.1, 0.2], "scale": [2, 4], "rotation": np.pi / 2, "texCoord": 1}
    reference = {"index": file.texture(encode_texture(PICTURE)), "extensions": {"KHR_texture_transform": transform}}
    primitive = file.quad(material=file.material(pbrMetallicRoughness={"baseColorTexture": reference}))
    primitive["attributes"]["TEXCOORD_1"] = file.accessor(QUAD_UV / 2)
    uv = read_glb(file.mesh(primitive).glb()).uv
    # KHR_texture_transform: translation * rotation * scale, rotation [[cos, sin], [-sin, cos]].
    half = QUAD_UV / 2 * [2, 4]
    np.testing.assert_allclose(uv, np.stack([half[:, 1] + 0.1, -half[:, 0] + 0.2], axis=1), atol=1e-6)


def test_different_wraps_follow_the_axis_that_leaves_the_texture() -> None:
    file = GltfFile()
    texture = file.texture(encode_texture(PICTURE), wrapS=33071, wrapT=33648)
    primitive = file.quad(material=file.material(pbrMetallicRoughness={"baseColorTexture": {"index": texture}}))
    primitive["attributes"]["TEXCOORD_0"] = file.accessor(QUAD_UV * np.float32([1, 3]))
    read = read_gltf(file.mesh(primitive).glb())
    assert read.mesh.materials[0].wrap == "mirror" and not read.warnings


def test_draco_gives_what_the_plain_file_gives() -> None:
    file = GltfFile()
    packed = DracoPy.encode(QUAD, QUAD_FACES.reshape(2, 3), tex_coord=QUAD_UV.astype(np.float64), quantization_bits=16)
    ids = {kind["attribute_type"]: kind["unique_id"] for kind in DracoPy.decode(packed).attributes}
    primitive = file.quad()
    for index in (primitive["indices"], *primitive["attributes"].values()):
        del file.tree["accessors"][index]["bufferView"]
    draco = {"bufferView": file.view(packed), "attributes": {"POSITION": ids[0], "TEXCOORD_0": ids[3]}}
    primitive["extensions"] = {"KHR_draco_mesh_compression": draco}
    file.tree["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    mesh = read_glb(file.mesh(primitive).glb())
    found = np.concatenate([mesh.vertices, mesh.uv], axis=1)[mesh.faces]
    assert unordered(found) == unordered(np.concatenate([QUAD, QUAD_UV], axis=1)[QUAD_FACES.reshape(2, 3)])


def test_meshopt_gives_what_the_plain_file_gives() -> None:
    file = GltfFile()
    primitive = file.quad()
    parts = {primitive["attributes"]["POSITION"]: ("ATTRIBUTES", 12, meshoptimizer.encode_vertex_buffer(QUAD, 4, 12))}
    parts[primitive["indices"]] = ("TRIANGLES", 2, meshoptimizer.encode_index_buffer(QUAD_FACES.astype(np.uint32), 6, 4))
    for index, (mode, stride, data) in parts.items():
        entry = file.tree["accessors"][index]
        view = file.tree["bufferViews"][entry["bufferView"]]
        place = file.view(data)
        compressed = file.tree["bufferViews"].pop(place) | {"mode": mode, "byteStride": stride, "count": entry["count"]}
        view |= {"buffer": 7, "extensions": {"EXT_meshopt_compression": compressed}}
    mesh = read_glb(file.mesh(primitive).glb())
    np.testing.assert_array_equal(mesh.vertices, QUAD)
    assert unordered(mesh.vertices[mesh.faces]) == unordered(QUAD[QUAD_FACES.reshape(2, 3)])


def break_tree(change: Any) -> bytes:
    file = GltfFile()
    file.mesh(file.quad())
    change(file.tree)
    return file.glb()


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("unsupported_extension", lambda t: t.update(extensionsRequired=["KHR_texture_basisu"])),
        ("unsupported_version", lambda t: t.update(asset={"version": "1.0"})),
        ("node_cycle", lambda t: t.update(nodes=[{"mesh": 0, "children": [0]}])),
        ("node_cycle", lambda t: t.update(nodes=[{"children": [2]}, {"children": [2]}, {"mesh": 0}])),
        ("node_depth", lambda t: t.update(nodes=[{"children": [i + 1]} for i in range(600)] + [{"mesh": 0}])),
        ("bad_transform", lambda t: t.update(nodes=[{"mesh": 0, "scale": [1, 1]}])),
        ("bad_transform", lambda t: t.update(nodes=[{"mesh": 0, "translation": [float("inf"), 0, 0]}])),
        ("bad_reference", lambda t: t.update(nodes=[{"mesh": -1}])),
        ("bad_reference", lambda t: t["meshes"][0]["primitives"][0].update(material=5)),
        ("no_faces", lambda t: t.update(scenes=[{}])),
        ("out_of_bounds", lambda t: t["accessors"][0].update(count=5)),
        ("out_of_bounds", lambda t: t["bufferViews"][0].update(byteLength=10**9)),
        ("bad_json", lambda t: t["accessors"][0].update(count=10**12)),
        ("bad_json", lambda t: t.update(meshes={"a": 1})),
        ("bad_accessor", lambda t: t["bufferViews"][0].update(byteStride=4)),
        ("bad_accessor", lambda t: t["accessors"][2].update(componentType=5126, count=1)),
        ("index_out_of_range", lambda t: [entry.update(count=2) for entry in t["accessors"][:2]]),
        ("no_positions", lambda t: t["meshes"][0]["primitives"][0].update(attributes={})),
    ],
)
def test_broken_files_name_their_rule(rule: str, change: Any) -> None:
    assert broken_rule(break_tree(change)) == rule


def test_optional_extensions_that_are_not_read_are_told() -> None:
    file = GltfFile()
    file.mesh(file.quad())
    file.tree["extensionsUsed"] = ["EXT_mesh_gpu_instancing", "KHR_materials_ior", "KHR_texture_transform"]
    assert read_gltf(file.glb()).warnings == ["the optional extension EXT_mesh_gpu_instancing is ignored"]


def test_faces_are_counted_before_they_are_joined() -> None:
    file = GltfFile()
    with pytest.raises(MeshError, match="max_faces"):
        read_gltf(file.mesh(*[file.quad()] * 6).glb(), max_faces=11)


@pytest.mark.parametrize("uri", ["http://example.com/a.bin", "file:///etc/passwd", "/etc/passwd", "../a.bin", "a/%2e%2e/b.bin", "C:\\a.bin", "~/a"])
def test_references_that_leave_the_folder_are_refused_unread(uri: str) -> None:
    data = json.dumps({"asset": {"version": "2.0"}, "buffers": [{"uri": uri, "byteLength": 4}]}).encode()

    def never(path: str) -> bytes:
        raise AssertionError(path)

    with pytest.raises(MeshError) as caught:
        read_gltf(data, never)
    assert caught.value.rule == "unsafe_uri"


def test_textures_beside_the_file_are_resolved_and_missed() -> None:
    file = GltfFile()
    file.texture(b"")
    file.tree["images"][0] = {"uri": "tex%20ture.png"}
    file.mesh(file.quad(material=file.material(pbrMetallicRoughness={"baseColorTexture": {"index": 0}})))
    assert broken_rule(file.glb()) == "missing_texture"
    files = {"tex ture.png": encode_texture(PICTURE)}
    np.testing.assert_array_equal(read_gltf(file.glb(), files.__getitem__).mesh.materials[0].texture, PICTURE)
    assert broken_rule(file.glb()[:60]) == "truncated"


def test_a_texture_that_is_no_picture() -> None:
    file = GltfFile()
    file.mesh(file.quad(material=file.material(pbrMetallicRoughness={"baseColorTexture": {"index": file.texture(b"<html>no</html>")}})))
    assert broken_rule(file.glb()) == "bad_texture"
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60000, 60000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + header + b"\0\0\0\0" + struct.pack(">I4sI", 0, b"IDAT", 0x35AF061E)
    file = GltfFile()
    file.mesh(file.quad(material=file.material(pbrMetallicRoughness={"baseColorTexture": {"index": file.texture(bomb)}})))
    assert broken_rule(file.glb()) in ("texture_too_large", "bad_texture")


def fuzz_seed() -> bytes:
    file = GltfFile()
    primitive = file.quad(material=file.material(pbrMetallicRoughness={"baseColorTexture": {"index": file.texture(encode_texture(PICTURE))}}))
    primitive["attributes"]["COLOR_0"] = file.accessor(np.ones((4, 4), np.float32))
    return file.mesh(primitive).glb()


SEED = fuzz_seed()


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_flipped_bytes_give_a_mesh_or_a_value_error(flips: list[tuple[int, int]]) -> None:
    data = bytearray(SEED)
    for place, value in flips:
        data[place] = value
    try:
        mesh = read_glb(bytes(data))
    except ValueError:
        return
    assert int(mesh.faces.max()) < len(mesh.vertices)


@settings(max_examples=200, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_json_of_the_wrong_shape_gives_a_mesh_or_a_value_error(data: st.DataObject) -> None:
    size = int.from_bytes(SEED[12:16], "little")
    tree = json.loads(SEED[20 : 20 + size])
    node: Any = tree
    while isinstance(node, dict | list) and node:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(st.sampled_from([None, -1, 1e300, "x", [], {}, True, [None], 2**63]))
            break
        node = node[key]
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    rest = SEED[20 + size :]
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    with contextlib.suppress(ValueError):
        assert len(read_glb(head + text + rest).faces)
