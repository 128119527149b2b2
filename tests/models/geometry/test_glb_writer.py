"""Clean GLBs: what is written is read back exactly, by us and by trimesh, and the bytes never change."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from data_specs.asset import Material, Mesh
from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.geometry.texture_image import decode_texture, encode_texture


def picture(seed: int, alpha: bool = False) -> np.ndarray:
    texture = np.random.default_rng(seed).integers(0, 256, (6, 10, 4), dtype=np.uint8)
    if not alpha:
        texture[..., 3] = 255
    return texture


def full_mesh() -> Mesh:
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(9, 3))
    return Mesh(
        vertices=rng.normal(size=(9, 3)).astype(np.float32),
        faces=np.arange(9, dtype=np.int32).reshape(3, 3),
        normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
        uv=rng.uniform(-2, 2, (9, 2)).astype(np.float32),
        vertex_colours=rng.uniform(0, 1, (9, 4)).astype(np.float32),
        face_material=np.array([0, 1, 2], np.int32),
        materials=(
            Material(np.array([0.1, 0.2, 0.3, 0.4], np.float32), alpha_mode="blend", double_sided=False),
            Material(texture=picture(1), wrap="mirror"),
            Material(texture=picture(2, alpha=True), alpha_mode="mask", alpha_cutoff=0.25, wrap="clamp"),
        ),
    )


def assert_same(found: Mesh, expected: Mesh) -> None:
    for name in ("vertices", "faces", "normals", "uv", "vertex_colours", "face_material"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    for ours, theirs in zip(found.materials, expected.materials, strict=True):
        np.testing.assert_array_equal(ours.factor, theirs.factor)
        assert (ours.alpha_mode, ours.double_sided, ours.wrap) == (theirs.alpha_mode, theirs.double_sided, theirs.wrap)
        assert (ours.texture is None) == (theirs.texture is None)
        if ours.texture is not None:
            np.testing.assert_array_equal(ours.texture, theirs.texture)


def test_round_trip_is_exact() -> None:
    mesh = full_mesh()
    found = read_glb(write_glb(mesh))
    assert_same(found, mesh)
    assert found.materials[2].alpha_cutoff == 0.25


def test_bytes_are_a_fixed_point() -> None:
    first = write_glb(full_mesh())
    assert write_glb(full_mesh()) == first
    assert write_glb(read_glb(first)) == first


def test_faces_are_grouped_by_material_and_unused_materials_left_out() -> None:
    mesh = replace(full_mesh(), face_material=np.array([2, 0, 2], np.int32))
    found = read_glb(write_glb(mesh))
    np.testing.assert_array_equal(found.faces, [[3, 4, 5], [0, 1, 2], [6, 7, 8]])
    np.testing.assert_array_equal(found.face_material, [0, 1, 1])
    assert len(found.materials) == 2


@pytest.mark.parametrize("quality", [0, 90])
def test_encoded_textures_go_through_unchanged_and_once(quality: int) -> None:
    encoded = encode_texture(picture(3), quality)
    material = Material(texture=decode_texture(encoded), encoded=encoded)
    mesh = replace(full_mesh(), materials=(material, replace(material, wrap="clamp"), material))
    data = write_glb(mesh)
    assert data.count(encoded) == 1
    assert all(found.encoded == encoded for found in read_glb(data).materials)


def test_webp_becomes_png_without_loss() -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture(4, alpha=True)).save(buffer, "WEBP", lossless=True, exact=True)
    material = Material(texture=decode_texture(buffer.getvalue()), encoded=buffer.getvalue())
    found = read_glb(write_glb(replace(full_mesh(), materials=(material,), face_material=None))).materials[0]
    assert found.encoded.startswith(b"\x89PNG")
    np.testing.assert_array_equal(found.texture, picture(4, alpha=True))


def test_trimesh_reads_the_same_triangles() -> None:
    mesh = full_mesh()
    other = trimesh.load(io.BytesIO(write_glb(mesh)), file_type="glb").to_geometry()
    ours = mesh.vertices[mesh.faces].reshape(-1, 9)
    theirs = np.asarray(other.vertices[other.faces], np.float32).reshape(-1, 9)
    np.testing.assert_allclose(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)], atol=1e-6)


def test_the_file_is_plain_gltf() -> None:
    data = write_glb(full_mesh())
    size = int.from_bytes(data[12:16], "little")
    tree = json.loads(data[20 : 20 + size])
    assert len(data) == int.from_bytes(data[8:12], "little") and len(data) % 4 == 0
    assert "extensionsUsed" not in tree and len(tree["buffers"]) == 1
    position = tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    np.testing.assert_array_equal(np.float32(position["max"]), full_mesh().vertices.max(axis=0))
