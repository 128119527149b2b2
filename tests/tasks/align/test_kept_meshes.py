"""Answers of a mesh generator: kept once, found again by whoever would ask the same, and no more of them than allowed."""

import os
from pathlib import Path

import pytest

from data_specs.subject import SubjectLine
from models.perception.base import GeneratedMesh
from tasks.align import task
from tasks.align.kept_meshes import KeptMeshes, limit_kept
from tasks.artefacts import Workspace
from tests.tasks.align.quick_models import quick_params, write_pictures

LINE = SubjectLine(subject_id="mug-1", object_id="mug", source="folder", location="mug.png", sha256="", item="mug")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("kept") / "pictures", 1)


def keys(folder: Path, pictures: Path, *overrides: str, line: SubjectLine = LINE) -> tuple[str, str]:
    """What a line's answer and its prepared mesh are called under these parameters."""
    (plan,) = task.plan(Workspace(folder, "tiny"), quick_params(pictures, *overrides))
    kept = KeptMeshes.of(folder, plan.params)
    return kept.asked_key(line), kept.prepared_key(line)


def test_the_first_mesh_that_is_kept_is_the_one(tmp_path: Path) -> None:
    kept = KeptMeshes(tmp_path)
    assert kept.find("ab12") is None and "ab12" not in kept
    kept.keep("ab12", GeneratedMesh(b"first", "hunyuan3d"))
    kept.keep("ab12", GeneratedMesh(b"second", "hunyuan3d"))
    assert kept.find("ab12") == GeneratedMesh(b"first", "hunyuan3d") and "ab12" in kept
    assert kept.find("ab1") is None and kept.find("ab123") is None


AFTER = ("filters.silhouette_iou=0.5", "detector.min_score=0.4", "pose.kind=foundation_pose", "depth.revision=" + "a" * 40, "fov_degrees=50")
AFTER += ("view_pixels=32", "mesh.timeout_s=700", "mesh.max_mb=9", "mesh.url=http://127.0.0.1:1", "batch=4", "shard_items=7")


@pytest.mark.parametrize("override", AFTER)
def test_what_comes_after_the_mesh_is_not_in_its_keys(tmp_path: Path, pictures: Path, override: str) -> None:
    assert keys(tmp_path, pictures, f"align.{override}") == keys(tmp_path, pictures)


def test_neither_are_seed_and_words_about_the_picture(tmp_path: Path, pictures: Path) -> None:
    said = LINE.model_copy(update={"caption": "A mug.", "licence": "CC0-1.0"})
    assert keys(tmp_path, pictures, "seed=4", "assets.memory_mb=999", line=said) == keys(tmp_path, pictures)


BEFORE = (
    "align.size_pixels=256",
    "align.segmenter.model=vit_b",
    "align.mesh.seed=5",
    "align.mesh.server_model=another",
    "align.mesh.face_count=9000",
)


@pytest.mark.parametrize("override", BEFORE)
def test_what_reaches_the_generator_is(tmp_path: Path, pictures: Path, override: str) -> None:
    assert not set(keys(tmp_path, pictures, override)) & set(keys(tmp_path, pictures))


@pytest.mark.parametrize("change", [{"item": "cup"}, {"sha256": "1" * 64}, {"row": 1}, {"panel": 1}, {"subject_id": "mug-2"}])
def test_so_is_the_picture_and_its_name(tmp_path: Path, pictures: Path, change: dict) -> None:
    assert not set(keys(tmp_path, pictures, line=LINE.model_copy(update=change))) & set(keys(tmp_path, pictures))


@pytest.mark.parametrize("override", ["align.mesh.max_faces=900", "align.mesh.texture_pixels=64", "assets.max_texture_pixels=64"])
def test_another_preparation_asks_for_no_other_answer(tmp_path: Path, pictures: Path, override: str) -> None:
    (asked, prepared), (other_asked, other_prepared) = keys(tmp_path, pictures), keys(tmp_path, pictures, override)
    assert asked == other_asked and prepared != other_prepared


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    kept = KeptMeshes(tmp_path)
    for age, key in enumerate(("aa1", "aa2", "bb3")):
        kept.keep(key, GeneratedMesh(bytes(100), "hunyuan3d"))
        for path in tmp_path.rglob(f"{key}.*"):
            os.utime(path, ns=(0, 10**9 + age))
    assert kept.find("aa1") is not None  # used now
    limit_kept(tmp_path, 300)
    assert all(key in kept for key in ("aa1", "aa2", "bb3"))
    limit_kept(tmp_path, 250)
    assert [key in kept for key in ("aa1", "aa2", "bb3")] == [True, False, True]
    limit_kept(tmp_path, 0)
    assert not list(tmp_path.rglob("*.glb"))
    limit_kept(tmp_path / "nowhere", 0)
