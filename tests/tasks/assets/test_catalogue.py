"""Sources become catalogue lines: folders with and without a manifest, lists of addresses, the procedural world."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from data_specs.ids import SAFE_ID, sha256_bytes
from data_specs.params import AssetsParams, load_params
from tasks.assets.catalogue import read_catalogue
from tasks.assets.folder_source import folder_lines
from tasks.assets.url_source import download_address, url_lines
from tests.conftest import REPOSITORY

DIGEST = "ab" * 32


def touch(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    folder = tmp_path / "meshes"
    names = {
        "chairs__OldChair.obj": "a",
        "chairs__old.mtl": "b",
        "chairs__wood.png": "c",
        "Big Table.glb": "d",
        ".hidden__x.glb": "e",
        "notes.txt": "f",
    }
    return touch(folder, **names)


def test_a_folder_without_a_manifest(meshes: Path, tmp_path: Path) -> None:
    table, chair = folder_lines(meshes, "z", tmp_path / "cache")
    assert (table.asset_id, table.caption, table.category, table.suffix, table.up_axis) == ("big_table", "big table", "", ".glb", "y")
    assert (chair.asset_id, chair.caption, chair.category, chair.suffix, chair.up_axis) == ("chairs_oldchair", "old chair", "chairs", ".obj", "z")
    assert chair.sha256 == sha256_bytes(b"a") and chair.licence == "unknown"
    assert chair.companions_sha256 and not table.companions_sha256


def test_a_changed_texture_changes_the_line(meshes: Path, tmp_path: Path) -> None:
    before = folder_lines(meshes, "y", tmp_path / "cache")
    assert folder_lines(meshes, "y", tmp_path / "cache") == before == folder_lines(meshes, "y", tmp_path / "other")
    touch(meshes, chairs__wood_png="")
    (meshes / "chairs" / "wood.png").write_text("other")
    after = folder_lines(meshes, "y", tmp_path / "cache")
    assert after[0] == before[0] and after[1].companions_sha256 != before[1].companions_sha256


def test_a_folder_with_a_manifest(meshes: Path, tmp_path: Path) -> None:
    entry = {
        "file": "chairs/OldChair.obj",
        "id": "Chair 1",
        "caption": "a chair",
        "license": "cc-by",
        "author": "Ann",
        "sha256": DIGEST,
        "up_axis": "z",
        "front": "X",
    }
    place = {"source_repo": "ann/chairs", "source_path": "a/b.obj", "source_commit": "0123456789abcdef"}
    gone = {"file": "gone.glb"}
    (meshes / "manifest.json").write_text(json.dumps([entry | place, gone]))
    chair, missing, table = folder_lines(meshes, "y", tmp_path / "cache")
    assert (chair.asset_id, chair.caption, chair.licence, chair.author, chair.up_axis) == ("chair_1", "a chair", "CC-BY-4.0", "Ann", "z")
    assert chair.front == "+x" and table.front == "+z"
    assert chair.sha256 == DIGEST and chair.attribution == "ann/chairs: a/b.obj @ 0123456789ab"
    assert missing.asset_id == "gone" and missing.sha256 == "" and table.asset_id == "big_table"


def test_ids_are_distinct_and_safe(tmp_path: Path) -> None:
    folder = touch(tmp_path / "m", **{"a b.glb": "1", "a_b.glb": "2", "a-b.obj": "3", "é.glb": "4", "..glb": "5"})
    (folder / f"{'long ' * 40}.glb").write_text("6")
    ids = [line.asset_id for line in folder_lines(folder, "y", tmp_path / "cache")]
    assert len(set(ids)) == len(ids) >= 5 and all(SAFE_ID.fullmatch(asset_id) for asset_id in ids)


@pytest.mark.parametrize("text", ["{", "[1]", '[{"name": "x"}]', '[{"file": "a.glb", "up_axis": "x"}]', '[{"file": "a.glb", "front": "+y"}]'])
def test_a_wrong_manifest_is_an_error(meshes: Path, tmp_path: Path, text: str) -> None:
    (meshes / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json|up axis|use one of \+z, -z, \+x, -x"):
        folder_lines(meshes, "y", tmp_path / "cache")


OBJAVERSE = {
    "fileIdentifier": ["https://github.com/o/r/blob/0a1b/My%20Robot.glb", "https://example.com/download?id=7", "https://example.com/a/chair.stl"],
    "source": ["github", "other", "other"],
    "license": ["MIT License", None, "by-nc"],
    "fileType": ["glb", "obj", None],
    "sha256": [DIGEST, "cd" * 32, "ef" * 32],
    "metadata": ["{}", "{}", "{}"],
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_objaverse_style_lists(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"list{suffix}"
    table = pa.table(OBJAVERSE)
    if suffix == ".csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        parquet.write_table(table, path)
    robot, other, chair = url_lines(path, "z")
    assert (robot.caption, robot.licence, robot.suffix, robot.up_axis, robot.sha256) == ("my robot", "MIT", ".glb", "y", DIGEST)
    assert robot.asset_id.startswith("my_robot_")
    assert download_address(robot.location) == "https://github.com/o/r/raw/0a1b/My%20Robot.glb"
    assert (other.suffix, other.licence, other.up_axis) == (".obj", "unknown", "z")
    assert (chair.suffix, chair.licence, chair.category) == (".stl", "CC-BY-NC-4.0", "")


def test_plain_lists_keep_text_as_text_and_drop_repeats(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    digits = "1" * 64
    rows = [f"http://h/a.glb,{digits},00017,a red car,car,CC0,Ann"] * 2 + [f"http://h/b.glb,{digits},00017,,,,"]
    path.write_text("url,sha256,id,caption,category,licence,author\n" + "\n".join(rows) + "\n")
    first, second = url_lines(path, "y")
    assert (first.asset_id, first.caption, first.category, first.licence, first.author) == ("00017", "a red car", "car", "CC0-1.0", "Ann")
    assert first.sha256 == digits and second.asset_id.startswith("00017-") and second.caption == "b"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.csv", "url\nhttp://h/a.glb\n", "sha256"),
        ("list.csv", "sha256\nab\n", "location"),
        ("gone.csv", None, "cannot be read"),
        ("l.parquet", "x", "read"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        url_lines(tmp_path / name, "y")


def test_a_long_list_is_read_quickly(tmp_path: Path) -> None:
    count = 20_000
    rows = {"url": [f"https://h/{i}.glb" for i in range(count)], "sha256": [f"{i:064x}" for i in range(count)]}
    parquet.write_table(pa.table(rows), tmp_path / "list.parquet")
    begin = time.monotonic()
    assert len(list(url_lines(tmp_path / "list.parquet", "y"))) == count
    assert time.monotonic() - begin < 10.0  # 120,000 lines in a minute


def test_the_catalogue_of_each_source(meshes: Path, tmp_path: Path) -> None:
    params = load_params("tiny").assets
    lines = list(read_catalogue(params, 3, tmp_path))
    assert len(lines) == params.count == len({line.asset_id for line in lines})
    assert {line.location.split("/")[1] for line in lines} == {"3000000"} or len({line.category for line in lines}) < params.count
    assert list(read_catalogue(params, 4, tmp_path)) != lines
    folder = params.model_copy(update={"source": "folder", "location": str(meshes), "count": 1})
    assert [line.asset_id for line in read_catalogue(folder, 0, tmp_path)] == ["big_table"]
    for location in ("", str(tmp_path / "gone"), str(touch(tmp_path / "empty", **{"a.txt": "x"}))):
        with pytest.raises(ValueError, match=r"assets\.location"):
            read_catalogue(AssetsParams(source="folder", location=location), 0, tmp_path)


def test_planning_loads_neither_torch_nor_the_renderer() -> None:
    """They are what a plan of 120,000 lines would take most memory for (tests/benchmarks/fan_out.py)."""
    code = "import sys, tasks.assets.task; print({'torch', 'open3d', 'ray', 'mlflow'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
