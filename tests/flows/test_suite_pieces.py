"""The pieces of a suite at the same time: what waits for what, and what a failure leaves."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from data_specs.suite import SuiteRow
from flows.suite_pieces import cores_each, in_order, side_by_side
from tasks.evaluate.schedule import Piece

ROW = SuiteRow.model_validate({"name": "row", "title": "Row", "run": "run"})
SLOW_S = 0.4


def piece(key: str, *needs: str) -> Piece:
    return Piece(ROW, 0, key, 1.0, frozenset(needs))


PIECES = [piece("parent"), piece("child", "parent"), piece("sample", "parent", "child"), piece("other")]


@dataclass(frozen=True)
class Marking:
    """Leaves a file with what its process saw; fails at one piece."""

    folder: Path
    fails: str = ""

    def __call__(self, piece: Piece) -> None:
        seen = f"{time.monotonic()} {os.getpid()} {torch.get_num_threads()} {os.environ['CUDA_VISIBLE_DEVICES']}"
        if piece.key == self.fails:
            raise ValueError(f"{piece.key} cannot be done")
        time.sleep(SLOW_S)
        (self.folder / piece.key).write_text(f"{seen} {time.monotonic()}")


def test_each_begins_after_what_it_needs_and_as_soon_as_a_process_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    begun: list[str] = []
    done = [piece.key for piece in side_by_side(PIECES, Marking(tmp_path), lambda piece: begun.append(piece.key), 2)]
    assert begun[:2] == ["parent", "other"] and sorted(done) == sorted(begun) == ["child", "other", "parent", "sample"]
    seen = {piece.key: (tmp_path / piece.key).read_text().split() for piece in PIECES}
    for each in PIECES:
        assert all(float(seen[needed][-1]) <= float(seen[each.key][0]) for needed in each.needs)
    assert {gpu for _, _, _, gpu, _ in seen.values()} <= {"4", "7"}
    assert {threads for _, _, threads, _, _ in seen.values()} == {str(cores_each(2))}
    assert os.getpid() not in {int(process) for _, process, *_ in seen.values()}


def test_a_failure_is_raised_once_the_others_in_flight_have_ended(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="parent cannot be done"):
        list(side_by_side(PIECES, Marking(tmp_path, fails="parent"), lambda piece: None, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    steps: list[str] = []
    for done in in_order(PIECES, Marking(tmp_path), lambda piece: steps.append(f"begin {piece.key}")):
        steps.append(f"end {done.key}")
    assert steps == [f"{what} {piece.key}" for piece in PIECES for what in ("begin", "end")]
