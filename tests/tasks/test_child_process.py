"""What a child process has and has not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tasks.child_process import bare_environment

LIMITED = "from tasks.child_process import limit_process; limit_process(1 << 30, 1000)\n"


def test_no_secret_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert "HF_TOKEN" not in bare_environment() and bare_environment()["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("work", "error"),
    [
        ("bytearray(100 << 20); open('small', 'wb').write(bytes(1000))", ""),
        ("bytearray(2 << 30)", "MemoryError"),
        ("open('large', 'wb', buffering=0).write(bytes(1001)); open('large', 'ab', buffering=0).write(bytes(1))", "File too large"),
    ],
)
def test_memory_and_files_are_bounded(tmp_path: Path, work: str, error: str) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED + work], env=bare_environment(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert error in done.stderr and bool(done.returncode) == bool(error), done.stderr
