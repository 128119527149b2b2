"""A command that is stopped ends at once, in one line, and the next run goes on."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from prefect.exceptions import TerminationSignal

from flows.stopping import stopped_with
from tests.conftest import REPOSITORY


def raised(*errors: BaseException) -> BaseException:
    """The last of some errors, each raised while the one before it was handled."""
    for before, after in itertools.pairwise(errors):
        after.__context__ = before
    return errors[-1]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), 130),
        (SystemExit(143), 143),
        (TerminationSignal(signal=signal.SIGTERM), 143),
        (raised(TerminationSignal(signal=signal.SIGTERM), OSError("a broken pipe"), httpx.ConnectError("nobody listens")), 143),
        (httpx.ConnectError("nobody listens"), 0),
        (SystemExit(2), 0),
        (ValueError("a wrong key"), 0),
    ],
)
def test_a_stop_is_told_from_a_failure(error: BaseException, status: int) -> None:
    assert stopped_with(error) == status


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "backend"), [(signal.SIGINT, "inline"), (signal.SIGINT, "ray"), (signal.SIGTERM, "inline")])
def test_a_stage_that_is_stopped_says_how_to_go_on(tmp_path: Path, sent: signal.Signals, backend: str) -> None:
    """Ctrl-C of a terminal reaches the whole group; a scheduler's SIGTERM the command."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PREFECT_HOME", "PREFECT_API_URL", "RAY_ADDRESS")}
    settings = ["--set", "assets.count=4000", "--set", f"execution.backend={backend}"]
    log = tmp_path / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.assets", "--size", "tiny", "--root", str(tmp_path), *settings],
            cwd=REPOSITORY,
            env={**variables, "ATELIER3D_HOME": str(tmp_path)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # in the background a shell has its children ignore it
        )
    try:
        _wait_for_work(tmp_path, process)
        (os.killpg if sent == signal.SIGINT else os.kill)(process.pid, sent)
        assert process.wait(timeout=90) == 128 + sent, log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    printed = log.read_text()
    assert printed.rstrip().endswith("atelier3d assets: stopped. The same command again goes on with what is missing.")
    assert "Traceback" not in printed


def _wait_for_work(root: Path, process: subprocess.Popen) -> None:
    """Until the first shard is there."""
    deadline = time.monotonic() + 180
    while not list((root / "data/tiny/assets").glob("shards/*.tar")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
