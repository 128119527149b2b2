"""The surroundings of a flow: Prefect's home exists before Prefect starts, and servers of killed flows are ended."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows import environment
from tests.conftest import REPOSITORY

ORPHAN = """
import subprocess, sys
command = [sys.executable, "-c", "import time; time.sleep(60)", "prefect.server.api.server:create_app"]
child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
"""


def test_home_is_made_with_its_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    monkeypatch.setenv("ATELIER3D_HOME", str(tmp_path / "deep" / "down"))
    environment.prepare_environment()
    assert Path(os.environ["PREFECT_HOME"]) == tmp_path / "deep" / "down" / "runs" / "prefect"
    assert Path(os.environ["PREFECT_HOME"]).is_dir()


def test_a_variable_that_is_set_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    environment.prepare_environment()
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "mine")
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"


def test_orphaned_server_of_this_project_is_stopped_and_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    ours = _orphan(os.environ.copy())
    other = _orphan({**os.environ, "PREFECT_HOME": str(tmp_path / "other")})
    try:
        _wait_until_adopted(ours)
        assert environment.stop_orphaned_servers() == [ours.pid]
        assert psutil.wait_procs([ours], timeout=10)[1] == [] or ours.status() == psutil.STATUS_ZOMBIE
        assert other.is_running()
    finally:
        for process in (ours, other):
            if process.is_running():
                process.kill()


def _orphan(variables: dict[str, str]) -> psutil.Process:
    printed = subprocess.run([sys.executable, "-c", ORPHAN], env=variables, capture_output=True, text=True, check=False, timeout=20, cwd=REPOSITORY)
    return psutil.Process(int(printed.stdout))


def _wait_until_adopted(process: psutil.Process) -> None:
    for _ in range(100):
        parent = process.parent()
        if parent is None or parent.pid == 1 or "python" not in parent.name():
            return
        time.sleep(0.05)
