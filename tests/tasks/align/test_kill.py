"""Kill -9 at random moments: the shards, previews and manifests are those of one undisturbed build, byte for byte."""

import multiprocessing
import random
import time
from pathlib import Path

import pytest

from data_specs.params import Params
from tests.tasks.align.quick_models import build_everything, quick_params, write_pictures
from tests.tasks.building import contents

pytestmark = pytest.mark.slow

PICTURES, KILLS = 24, 10
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.tasks.align.quick_models", "webdataset", "open3d"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float, Params]:
    """The files of one build in one go, how long it took in a process of its own, and its parameters."""
    root = tmp_path_factory.mktemp("undisturbed")
    params = quick_params(write_pictures(root / "pictures", PICTURES))
    started = time.monotonic()
    process = PROCESSES.Process(target=build_everything, args=(root, params))
    process.start()
    process.join()
    assert process.exitcode == 0
    return contents(root / "data"), time.monotonic() - started, params


def test_killed_builds_resume_to_the_same_bytes(tmp_path: Path, undisturbed: tuple[dict[str, bytes], float, Params]) -> None:
    expected, duration, params = undisturbed
    rng = random.Random(1)
    kills, in_the_middle, builds = 0, 0, 0
    while kills < KILLS:
        root, done = tmp_path / str(builds), False
        while not done:
            process = PROCESSES.Process(target=build_everything, args=(root, params))
            process.start()
            process.join(rng.uniform(0.05, 0.6) * duration)
            process.kill()
            process.join()
            done = process.exitcode == 0
            kills += process.exitcode == -9
            rows, meshes = list(root.glob("data/tiny/align/rows/*.json")), list(root.glob("runs/tiny/align/meshes/*/*.glb"))
            in_the_middle += process.exitcode == -9 and bool(rows or meshes)
            assert process.exitcode in (0, -9)
        assert contents(root / "data") == expected
        assert len(list(root.glob("runs/tiny/align/meshes/*/*.glb"))) == PICTURES
        builds += 1
    assert in_the_middle >= KILLS // 3  # else the moments were not worth their name
