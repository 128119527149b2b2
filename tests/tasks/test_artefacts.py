"""Files appear whole or not at all; what a dead writer left is removed, what a living one writes is not."""

import os
from pathlib import Path

import pytest

from tasks.artefacts import TEMPORARY_SUFFIX, Workspace, remove_leftovers, replacing, write_atomic


def test_workspace_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.open("tiny", tmp_path)
    assert workspace.folder("render") == tmp_path / "data/tiny/render"
    assert workspace.runs == tmp_path / "runs/tiny"
    monkeypatch.setenv("ATELIER3D_HOME", str(tmp_path / "home"))
    assert Workspace.open("tiny").root == tmp_path / "home"
    monkeypatch.delenv("ATELIER3D_HOME")
    monkeypatch.chdir(tmp_path)
    assert Workspace.open("tiny").root == tmp_path


def test_a_wrong_size_cannot_name_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown size '\.\./x': expected one of tiny"):
        Workspace.open("../x", tmp_path)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomic(path, b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as handle:
        handle.write(b"half of the new")
        handle.flush()
        assert path.read_bytes() == b"old"
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["file"]


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    (tmp_path / f".dead{TEMPORARY_SUFFIX}").write_bytes(b"x")
    with replacing(tmp_path / "file") as handle:
        handle.write(b"alive")
        assert remove_leftovers(tmp_path) == 1
    assert (tmp_path / "file").read_bytes() == b"alive"
    assert os.listdir(tmp_path) == ["file"]
