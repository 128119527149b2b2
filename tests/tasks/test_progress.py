"""Rate and time left against a clock that the test turns; lines, file and listeners."""

import io
import json
from pathlib import Path

import pytest

from tasks import progress as module
from tasks.artefacts import Workspace
from tasks.progress import Progress, State, duration


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_rate_counts_only_this_run(tmp_path: Path, clock: list[float]) -> None:
    told: list[State] = []
    stream = io.StringIO()
    with Progress(Workspace(tmp_path, "tiny"), "render", 100, done=40, stream=stream) as progress:
        progress.listen(told.append)
        clock[0] += 20.0
        progress.advance(10, "asset_7")
        assert told[-1] == State("render", 50, 100, 0.5, 20.0, 100.0, "asset_7")
        assert told[-1].line == "render: 50/100 (50%), 2 s each, 1 min 40 s left [asset_7]"
        clock[0] += 30.0
        progress.advance(50)
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("render: 40/100 (40%)") and lines[-1] == "render: 100/100 (100%), 1.2/s, took 50 s"
    stored = json.loads((tmp_path / "runs/tiny/progress/render.json").read_bytes())
    assert (stored["done"], stored["share"], stored["left_s"]) == (100, 1.0, 0.0)


def test_plain_output_gets_a_line_every_ten_seconds(tmp_path: Path, clock: list[float]) -> None:
    stream = io.StringIO()
    with Progress(Workspace(tmp_path, "tiny"), "x", 1000, stream=stream) as progress:
        for _ in range(240):
            clock[0] += 0.125  # exact in binary
            progress.advance()
    assert len(stream.getvalue().splitlines()) == 2 + 3  # first and last, and one for each ten of thirty seconds
    assert "\r" not in stream.getvalue()


def test_a_terminal_gets_one_line_that_is_redrawn(tmp_path: Path, clock: list[float]) -> None:
    stream = Screen()
    with Progress(Workspace(tmp_path, "tiny"), "x", 3, stream=stream) as progress:
        for _ in range(3):
            clock[0] += 1.0
            progress.advance()
    assert stream.getvalue().count("\n") == 1 and stream.getvalue().count("\r") == 5


def test_a_failing_listener_stops_nothing(tmp_path: Path, clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    calls = []

    def listener(state: State) -> None:
        calls.append(state)
        raise ConnectionError("server gone")

    with Progress(Workspace(tmp_path, "tiny"), "x", 3, stream=io.StringIO()) as progress:
        progress.listen(listener)
        for _ in range(3):
            clock[0] += 5.0
            progress.advance()
    assert len(calls) == 1 and "server gone" in capsys.readouterr().err
    assert progress.done == 3


def test_a_stopped_stage_says_so(tmp_path: Path, clock: list[float]) -> None:
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), Progress(Workspace(tmp_path, "tiny"), "x", 3, stream=stream):
        raise KeyboardInterrupt
    assert stream.getvalue().rstrip().endswith("[stopped: KeyboardInterrupt]")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
