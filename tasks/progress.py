"""How far a stage is: rate and time left, in the terminal, in a file, and for whoever listens."""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TextIO

from tasks.artefacts import Workspace, write_atomic

LINE_EVERY_S = 10.0
"""Between plain lines, where the output is not a terminal."""

UPDATE_EVERY_S = 0.2
REPORT_EVERY_S = 2.0
"""Between writes of the file and calls of the listeners."""


@dataclass(frozen=True)
class State:
    """A moment of progress. rate: items per second since the start, without what an earlier run did."""

    label: str
    done: int
    total: int
    rate: float
    elapsed_s: float
    left_s: float | None
    note: str

    @property
    def share(self) -> float:
        """Done of total, in [0, 1]; an empty total is done."""
        return min(self.done / self.total, 1.0) if self.total else 1.0

    @property
    def line(self) -> str:
        """One line for people."""
        parts = [f"{self.label}: {self.done}/{self.total} ({self.share:.0%})"]
        if self.rate > 0:
            parts.append(f"{self.rate:.3g}/s" if self.rate >= 1 else f"{1 / self.rate:.3g} s each")
        if self.left_s is not None and self.done < self.total:
            parts.append(f"{duration(self.left_s)} left")
        elif self.done >= self.total:
            parts.append(f"took {duration(self.elapsed_s)}")
        return ", ".join(parts) + (f" [{self.note}]" if self.note else "")


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress:
    """Counts items and tells: a line that updates on a terminal, a line every ten seconds elsewhere, `runs/<size>/progress/<label>.json`.

    Threads may share it. A listener that fails is dropped: telling never stops the work.
    """

    def __init__(self, workspace: Workspace, label: str, total: int, done: int = 0, stream: TextIO | None = None) -> None:
        """done: what was finished before; counts as done but not towards the rate."""
        self._path = workspace.runs / "progress" / f"{label}.json"
        self.label, self.total, self.done, self._before = label, total, done, done
        self._stream = sys.stderr if stream is None else stream
        self._listeners: list[Callable[[State], object]] = []
        self._lock = threading.RLock()
        self._start = self._last_line = self._last_report = time.monotonic()
        self._note = ""

    def listen(self, listener: Callable[[State], object]) -> None:
        """Call `listener` with the state every few seconds and at the end."""
        self._listeners.append(listener)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more items as done."""
        with self._lock:
            self.done += count
            self._note = note
            self._tell()

    def state(self) -> State:
        """The present moment."""
        elapsed = time.monotonic() - self._start
        fresh = self.done - self._before
        rate = fresh / elapsed if fresh and elapsed > 0 else 0.0
        left = (self.total - self.done) / rate if rate else None
        return State(self.label, self.done, self.total, rate, elapsed, left, self._note)

    def __enter__(self) -> "Progress":
        self._tell(last=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._note = "" if kind is None else f"stopped: {kind.__name__}"
            self._tell(last=True)
            if self._stream.isatty():
                self._stream.write("\n")

    def _tell(self, last: bool = False) -> None:
        now, terminal = time.monotonic(), self._stream.isatty()
        state = self.state()
        if last or now - self._last_line >= (UPDATE_EVERY_S if terminal else LINE_EVERY_S):
            self._last_line = now
            self._stream.write(f"\r\x1b[K{state.line}" if terminal else f"{state.line}\n")
            self._stream.flush()
        if last or now - self._last_report >= REPORT_EVERY_S:
            self._last_report = now
            write_atomic(self._path, json.dumps({**asdict(state), "share": state.share}, indent=1).encode())
            self._listeners = [listener for listener in self._listeners if _heard(listener, state)]


def _heard(listener: Callable[[State], object], state: State) -> bool:
    try:
        listener(state)
    except Exception as error:
        print(f"progress: a listener failed and is not called again ({type(error).__name__}: {error})", file=sys.stderr)
        return False
    return True
