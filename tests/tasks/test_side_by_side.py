"""Items at the same time: what waits for what, and what a failure leaves."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tasks.side_by_side import cores_each, finished

SLOW_S = 0.4


@dataclass(frozen=True)
class Named:
    key: str
    needs: frozenset[str] = frozenset()


ITEMS = [Named("parent"), Named("child", frozenset({"parent"})), Named("sample", frozenset({"parent", "child"})), Named("other")]


@dataclass(frozen=True)
class Marking:
    """Leaves a file with what its process saw; fails at one item."""

    folder: Path
    fails: str = ""

    def __call__(self, item: Named) -> None:
        seen = f"{time.monotonic()} {os.getpid()} {torch.get_num_threads()} {os.environ['CUDA_VISIBLE_DEVICES']}"
        if item.key == self.fails:
            raise ValueError(f"{item.key} cannot be done")
        time.sleep(SLOW_S)
        (self.folder / item.key).write_text(f"{seen} {time.monotonic()}")


def test_each_begins_after_what_it_needs_and_as_soon_as_a_process_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    begun: list[str] = []
    done = [item.key for item in finished(ITEMS, Marking(tmp_path), lambda item: begun.append(item.key), 2)]
    assert begun[:2] == ["parent", "other"] and sorted(done) == sorted(begun) == ["child", "other", "parent", "sample"]
    seen = {item.key: (tmp_path / item.key).read_text().split() for item in ITEMS}
    for each in ITEMS:
        assert all(float(seen[needed][-1]) <= float(seen[each.key][0]) for needed in each.needs)
    assert {gpu for _, _, _, gpu, _ in seen.values()} <= {"4", "7"}
    assert {threads for _, _, threads, _, _ in seen.values()} == {str(cores_each(2))}
    assert os.getpid() not in {int(process) for _, process, *_ in seen.values()}


def test_a_failure_is_raised_once_the_others_in_flight_have_ended(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="parent cannot be done"):
        list(finished(ITEMS, Marking(tmp_path, fails="parent"), lambda item: None, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    steps: list[str] = []
    for done in finished(ITEMS, Marking(tmp_path), lambda item: steps.append(f"begin {item.key}"), 1):
        steps.append(f"end {done.key}")
    assert steps == [f"{what} {item.key}" for item in ITEMS for what in ("begin", "end")]


def test_what_needs_something_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="child needs what is not among the items: parent"):
        list(finished([Named("child", frozenset({"parent"}))], Marking(tmp_path), lambda item: None, 2))
