"""Every odd file ends as the right decision or as a correct mesh; every real mesh comes out right."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.geometry.glb_reader import read_glb
from models.geometry.mesh_error import MeshError
from tasks.sandbox import CleanFile, ReadRequest, read_in_sandbox

DECISIONS = {
    "glb_chunk_too_big": "bad_container",
    "glb_empty_file": "empty_file",
    "glb_external_texture_missing": "missing_texture",
    "glb_infinite_positions": "not_finite",
    "glb_is_xml_error_page": "wrong_content",
    "glb_nodes_without_mesh": "no_faces",
    "glb_truncated_chunk": "truncated",
    "gltf_node_cycle": "node_cycle",
    "gltf_remote_uri": "unsafe_uri",
    "obj_inf_nan": "not_finite",
    "obj_points_only": "no_faces",
    "off_huge_vertex_count": "absurd_count",
}


@dataclass(frozen=True)
class Expected:
    """faces, textures; sides: extents of the canonical mesh; warning: a word of the one warning."""

    faces: int
    textures: int
    sides: tuple[float, float, float]
    warning: str = ""


MESHES = {
    # Positions against the accessors' own min and max (337.06 x 43.6 x 272.98 after the node turns Z up to Y).
    "glb_draco_textured": Expected(178845, 3, (2.0, 0.2587, 1.6198), "degenerate"),
    "glb_fuzzer_meshopt": Expected(12, 1, (2.0, 2.0, 2.0)),
    # On its four feet: longer (Z) than high (Y); without the skin it stands on its tail.
    "glb_skinned_wrong_rest_pose": Expected(2636, 1, (0.7179, 1.4581, 2.0)),
    "gltf_texcoord_crash": Expected(10, 1, (2.0, 2.0, 0.0438), "TEXCOORD_0"),
    "gltf_triangle_strip": Expected(2786, 0, (1.5016, 1.6957, 2.0)),
    "obj_degenerate_faces": Expected(3, 0, (0.3815, 2.0, 0.0), "degenerate"),
    "obj_non_manifold": Expected(12, 0, (2.0, 2.0, 2.0)),
    "obj_utf16": Expected(12, 0, (2.0, 2.0, 2.0), "MTL"),
}
MATERIALS = {"arcade_machine": 7, "casio_keyboard": 2, "damask_chair": 4, "milk_truck": 4, "sofa": 2, "sunglasses": 5}


def read(root: Path, entry: dict) -> CleanFile:
    return read_in_sandbox(ReadRequest(str(root), entry["file"], entry["sha256"], entry.get("up_axis", "y")), 4096, 60.0)


def entries(root: Path) -> dict[str, dict]:
    return {entry["id"]: entry for entry in json.loads((root / "manifest.json").read_text())}


def test_every_odd_file_has_an_expectation(shared_data: Path) -> None:
    assert set(entries(shared_data / "odd")) == set(DECISIONS) | set(MESHES)


@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_odd_file_ends_as_a_decision(shared_data: Path, name: str) -> None:
    root = shared_data / "odd"
    with pytest.raises(MeshError) as caught:
        read(root, entries(root)[name])
    assert caught.value.rule == DECISIONS[name]
    assert str(shared_data) not in str(caught.value)


@pytest.mark.parametrize("name", sorted(MESHES))
def test_odd_file_ends_as_a_correct_mesh(shared_data: Path, name: str) -> None:
    root, expected = shared_data / "odd", MESHES[name]
    found = read(root, entries(root)[name])
    mesh = read_glb(found.glb)
    assert (found.faces, found.textures) == (expected.faces, expected.textures)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), expected.sides, atol=1e-3)
    assert [expected.warning in warning for warning in found.warnings] == [True] * bool(expected.warning)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-4)


def test_every_real_mesh_comes_out(shared_data: Path) -> None:
    root = shared_data / "meshes"
    assert len(entries(root)) == 36
    for name, entry in entries(root).items():
        found = read(root, entry)
        mesh = read_glb(found.glb)
        listed = entry["trimesh"]
        # trimesh counts the same triangles; ours lack the degenerate ones, which are told of.
        lost = sum(int(warning.split()[0]) for warning in found.warnings)
        assert found.faces + lost == listed["faces"], name
        sides = np.array(listed["extents"])[[0, 2, 1] if entry["up_axis"] == "z" else [0, 1, 2]]
        if not entry.get("gltf", {}).get("skins"):
            np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0) * found.scale, sides, rtol=1e-3, err_msg=name)
        assert found.materials == MATERIALS.get(name, 1), name
        textured = [material for material in mesh.materials if material.texture is not None]
        assert textured and mesh.uv is not None, name
        assert all(np.ptp(material.texture[..., :3].reshape(-1, 3), axis=0).max() > 20 for material in textured), name
        assert all(max(material.texture.shape) <= 2048 for material in textured), name
