"""Kill -9 at random moments, and several builders at once: the output is that of one undisturbed build, byte for byte."""

import multiprocessing
import random
import time
from pathlib import Path

import pytest

from tasks.ledger import Ledger
from tests.tasks.building import WORD, build_everything, contents, plans

KILLS = 25
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.tasks.building", "webdataset"])  # loading it takes longer than a build


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """The files of one build in one go, and how long it took."""
    folder = tmp_path_factory.mktemp("undisturbed") / "render"
    started = time.monotonic()
    build_everything(folder)
    return contents(folder), time.monotonic() - started


def finished(folder: Path) -> dict[str, tuple[int, int]]:
    """The identity of every tar that has its row: a rebuilt one would be another file."""
    ledger = Ledger(folder, WORD)
    rows = [row for row in map(ledger.row, plans()) if row]
    return {row.file: ((folder / row.file).stat().st_ino, (folder / row.file).stat().st_mtime_ns) for row in rows}


def test_killed_builds_resume_to_the_same_bytes(tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]) -> None:
    expected, duration = undisturbed
    rng = random.Random(0)
    kills, in_the_middle, builds = 0, 0, 0
    while kills < KILLS:
        folder, done = tmp_path / str(builds) / "render", False
        while not done:
            before = finished(folder)
            process = PROCESSES.Process(target=build_everything, args=(folder,))
            process.start()
            process.join(rng.uniform(0.0, 0.7 * duration))
            process.kill()
            process.join()
            done = process.exitcode == 0
            kills += process.exitcode == -9
            in_the_middle += process.exitcode == -9 and 0 < len(finished(folder)) < len(plans())
            assert process.exitcode in (0, -9)
            assert finished(folder).items() >= before.items()  # nothing lost, nothing redone
        assert contents(folder) == expected
        builds += 1
    assert in_the_middle >= KILLS // 3  # else the moments were not worth their name


def test_concurrent_builders_of_the_same_plans_agree(tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]) -> None:
    folder = tmp_path / "render"
    processes = [PROCESSES.Process(target=build_everything, args=(folder,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert contents(folder) == undisturbed[0]
