"""Many independent items through a function: in this process, or in Ray worker processes that may die, hang or leak."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TypeVar

from data_specs.params import ExecutionParams
from tasks.soft_timeout import TimedOut, soft_timeout

P = TypeVar("P")
R = TypeVar("R")

MESSAGE_LENGTH = 300
ADDRESS = re.compile(r"0x[0-9a-f]+")


@dataclass(frozen=True)
class Failure:
    """Why an item gave no value. The message names no time, process or host: it ends in ledgers that must not differ between runs."""

    rule: Literal["timeout", "worker_died", "error"]
    message: str


@dataclass(frozen=True)
class Outcome:
    """What became of one item. seconds: spent on it, the last attempt alone."""

    item_id: str
    value: Any
    failure: Failure | None
    seconds: float


class Pool:
    """Where work is done; a context manager."""

    def __init__(self, execution: ExecutionParams) -> None:
        self.execution = execution

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def map(self, work: Callable[[P], R], items: Iterable[tuple[str, P]], timeout_s: float) -> Iterator[Outcome]:
        """The outcome of every item, in the order of `items`."""
        for item_id, payload in items:
            yield run_item(work, item_id, payload, timeout_s)


def run_item(work: Callable[[P], R], item_id: str, payload: P, timeout_s: float) -> Outcome:
    """Do one item in this thread; an exception becomes a `Failure`."""
    started = time.perf_counter()
    value, failure = None, None
    try:
        with soft_timeout(timeout_s):
            value = work(payload)
    except TimedOut:
        failure = timed_out(timeout_s)
    except (Exception, SystemExit) as error:
        failure = Failure("error", describe(error))
    return Outcome(item_id, value, failure, time.perf_counter() - started)


def timed_out(timeout_s: float) -> Failure:
    """The failure of an item that took longer than it may."""
    return Failure("timeout", f"took longer than {timeout_s:g} s")


def describe(error: BaseException) -> str:
    """One short line: the kind of error and the first line of its message, without memory addresses."""
    lines = str(error).strip().splitlines() or [""]
    return ADDRESS.sub("0x...", f"{type(error).__name__}: {lines[0]}"[:MESSAGE_LENGTH]).removesuffix(": ")
