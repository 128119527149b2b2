"""The whole chain at the tiny size, as a user runs it: one command, then every output is there and a second run does nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.ledger import read_manifest
from tests.conftest import REPOSITORY


def run_flow(word: str, root: Path, *arguments: str) -> str:
    """Run `python -m flows.<word> --size tiny` in a process of its own and return what it printed."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PREFECT_HOME", "PREFECT_API_URL", "RAY_ADDRESS")}
    command = [sys.executable, "-m", f"flows.{word}", "--size", "tiny", "--root", str(root), *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**variables, "ATELIER3D_HOME": str(root)}, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("chain")
    return root, run_flow("full", root)


def test_last_line_is_the_report(chain: tuple[Path, str]) -> None:
    root, printed = chain
    last = printed.strip().splitlines()[-1]
    assert last.startswith("report: ")
    page = Path(last.removeprefix("report: "))
    assert page.is_relative_to(root)
    assert "http://" not in page.read_text().split("</style>")[0]


def test_every_stage_published_its_manifest(chain: tuple[Path, str]) -> None:
    root, _ = chain
    assets = read_manifest(root / "data/tiny/assets")
    render = read_manifest(root / "data/tiny/render")
    assert assets.samples() == render.samples() == assets.entered == 12
    assert [row.inputs for row in render.shards] == [[row.sha256] for row in assets.shards]


def test_metrics_are_numbers_of_this_run(chain: tuple[Path, str]) -> None:
    root, _ = chain
    metrics = json.loads((root / "data/tiny/evaluate/metrics.json").read_text())
    weights = json.loads((root / "data/tiny/train/realiz3d_stage2/run.json").read_text())
    assert weights["weights_sha256"] in json.dumps(metrics)


def test_second_run_changes_nothing(chain: tuple[Path, str]) -> None:
    root, _ = chain
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in (root / "data/tiny").rglob("*.tar")}
    run_flow("render", root)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in (root / "data/tiny").rglob("*.tar")} == before


def test_a_wrong_parameter_is_one_clear_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flows.render", "--size", "tiny", "--root", str(tmp_path), "--set", "render.colour=red"]
    done = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "ATELIER3D_HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "render.colour" in done.stderr and "Traceback" not in done.stderr
