"""Pictures that were lost to a server or a command are tried again when somebody asks for it, and their shards alone are built again."""

import itertools
import json
from pathlib import Path

import pytest

from models.perception.base import Miss, Pose, PoseProblem
from tasks.align import task, work_item
from tasks.align.retries import RETRIES, read_retries
from tasks.artefacts import Workspace
from tasks.ledger import read_manifest
from tests.tasks.align.quick_models import POSE, Quick, build_everything, quick_params, write_pictures
from tests.tasks.building import contents

RETRY = "align.retry=[pose_timeout, mesh_timeout]"


@pytest.fixture(autouse=True)
def real_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `build_everything` puts in place of the models is undone after each test."""
    monkeypatch.setattr(work_item, "open_models", work_item.open_models)


def test_lost_pictures_are_tried_again_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pictures, folder = write_pictures(tmp_path / "pictures", 7), Workspace(tmp_path, "tiny").folder("align")
    lost, calls = {3}, itertools.count()

    def estimate(self: Quick, problems: list[PoseProblem]) -> list[Pose | Miss]:
        return [Miss("pose_timeout", "no pose within 300 s") if next(calls) in lost else Pose(POSE, 0.9, False) for _ in problems]

    def run(*overrides: str) -> set[str]:
        """The files of the shards that are new after a run."""
        before = {path.name for path in (folder / "shards").glob("*")}
        build_everything(tmp_path, quick_params(pictures, *overrides))
        return {path.name for path in (folder / "shards").glob("*")} - before

    monkeypatch.setattr(Quick, "estimate", estimate)
    assert run() and read_manifest(folder).samples() == 6
    assert run() == run("align.retry=[mesh_server]") == set() and not (folder / RETRIES).exists()
    (dropped,) = read_manifest(folder).decisions()
    lost.add(7)
    assert len(run(RETRY)) == 1 and read_retries(folder) == {dropped.item_id: 1}
    assert "align: 1 pictures are tried again (pose_timeout 1)" in capsys.readouterr().out
    assert run() == set(), "they stay as they are until somebody asks again"
    assert len(run(RETRY)) == 1 and read_retries(folder) == {dropped.item_id: 2} and read_manifest(folder).samples() == 7
    finished = contents(folder)
    assert run(RETRY) == run() == set() and contents(folder) == finished, "nothing is lost any more"


def test_a_file_of_retries_that_does_not_read(tmp_path: Path) -> None:
    folder = Workspace(tmp_path, "tiny").folder("align")
    folder.mkdir(parents=True)
    params = quick_params(write_pictures(tmp_path / "pictures", 1))
    for bad in ("{", "[]", json.dumps({"version": 2, "retries": {}}), json.dumps({"version": 1, "retries": []})):
        (folder / RETRIES).write_text(bad)
        with pytest.raises(ValueError, match=r"retries\.json does not read: remove it"):
            task.plan(Workspace(tmp_path, "tiny"), params)
