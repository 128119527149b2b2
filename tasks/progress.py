"""How far a stage is: a line in the terminal, a small file in the run folder, and whoever else wants to know."""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from tasks.artefacts import Workspace, write_atomic

LINE_EVERY_S = 10.0
REDRAW_EVERY_S = 0.2


@dataclass(frozen=True)
class State:
    """One moment of progress. rate: per second. left_s: seconds, None while unknown."""

    label: str
    done: int
    total: int
    rate: float
    left_s: float | None
    note: str = ""

    @property
    def share(self) -> float:
        """Part of the work that is done, in [0, 1]."""
        return self.done / self.total if self.total else 1.0

    @property
    def line(self) -> str:
        """For people."""
        left = "" if self.left_s is None else f", {_clock(self.left_s)} left"
        return f"{self.label}: {self.done}/{self.total} ({100 * self.share:.0f} %), {self.rate:.2f}/s{left}" + (f", {self.note}" if self.note else "")


class Progress:
    """Counts what is done; thread-safe. On a terminal one line is redrawn, elsewhere a line appears every ten seconds."""

    def __init__(self, workspace: Workspace, label: str, total: int, done: int = 0) -> None:
        self.label, self.total, self.done, self.started_with = label, total, done, done
        self._file = workspace.runs / "progress" / f"{label}.json"
        self._listeners: list[Callable[[State], None]] = []
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._shown = 0.0
        self.note = ""

    def listen(self, listener: Callable[[State], None]) -> None:
        """Call `listener` with the state whenever a line is shown."""
        self._listeners.append(listener)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count finished work; `note` is shown at the end of the line."""
        with self._lock:
            self.done += count
            self.note = note
            every = REDRAW_EVERY_S if sys.stderr.isatty() else LINE_EVERY_S
            if time.monotonic() - self._shown >= every:
                self._show()

    def state(self) -> State:
        """Where the work is now."""
        elapsed = max(time.monotonic() - self._start, 1e-9)
        rate = (self.done - self.started_with) / elapsed
        return State(self.label, self.done, self.total, rate, (self.total - self.done) / rate if rate else None, self.note)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._show()
            if sys.stderr.isatty():
                sys.stderr.write("\n")

    def _show(self) -> None:
        self._shown = time.monotonic()
        state = self.state()
        tty = sys.stderr.isatty()
        sys.stderr.write(f"\r\x1b[K{state.line}" if tty else state.line + "\n")
        sys.stderr.flush()
        write_atomic(self._file, json.dumps({"done": state.done, "total": state.total, "rate": state.rate, "left_s": state.left_s}).encode())
        for listener in self._listeners:
            listener(state)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
