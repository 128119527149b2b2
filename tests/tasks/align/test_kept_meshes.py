"""Meshes of a shard under way: kept once, found again, whoever else keeps one."""

from pathlib import Path

from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from tasks.align.kept_meshes import KeptMeshes
from tasks.align.mesh_preparation import PreparedMesh
from tests.models.renderers.shapes import cube, sphere


def prepared(mesh) -> PreparedMesh:
    glb = write_glb(mesh)
    return PreparedMesh(read_glb(glb), glb, repeatable=False)


def test_the_first_mesh_that_is_kept_is_the_one(tmp_path: Path) -> None:
    kept = KeptMeshes(tmp_path / "shard")
    assert kept.find("mug-1") is None
    first, second = prepared(cube()), prepared(sphere(1))
    assert kept.keep("mug-1", "hunyuan3d", first) is first
    assert kept.keep("mug-1", "hunyuan3d", second).glb == first.glb
    origin, found = kept.find("mug-1")
    assert origin == "hunyuan3d" and found.glb == first.glb
    assert kept.find("mug") is None and kept.find("mug-10") is None


def test_nothing_is_left_when_the_shard_is_written(tmp_path: Path) -> None:
    kept = KeptMeshes(tmp_path / "shard")
    kept.keep("mug-1", "hunyuan3d", prepared(cube()))
    kept.forget()
    assert list(tmp_path.iterdir()) == []
