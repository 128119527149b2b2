"""One item through a function: its outcome, whatever the function does to Python."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tasks.soft_timeout import TimedOut, soft_timeout

MESSAGE_LENGTH = 300
ADDRESS = re.compile(r"0x[0-9a-f]+")

Item = tuple[str, Any]


@dataclass(frozen=True)
class Failure:
    """Why an item has no value. The message names no time, process or host: it ends in ledgers, and those must not differ between runs."""

    rule: Literal["timeout", "worker_died", "error"]
    message: str


@dataclass(frozen=True)
class Outcome:
    """What became of one item. seconds: in the work itself, of the last attempt."""

    item_id: str
    value: Any
    failure: Failure | None
    seconds: float


def attempt(work: Callable[[Any], Any], item: Item, timeout_s: float) -> Outcome:
    """Do one item in this thread."""
    item_id, payload = item
    started = time.perf_counter()
    value, failure = None, None
    try:
        with soft_timeout(timeout_s):
            result = work(payload)
        value = result
    except TimedOut:
        failure = timed_out(timeout_s)
    except (Exception, SystemExit) as error:
        failure = Failure("error", describe(error))
    return Outcome(item_id, value, failure, time.perf_counter() - started)


def timed_out(timeout_s: float) -> Failure:
    """No result in time."""
    return Failure("timeout", f"no result within {timeout_s:g} s")


def describe(error: BaseException) -> str:
    """The kind of error and the first line of its message, without memory addresses."""
    first = next(iter(str(error).strip().splitlines()), "")
    return ADDRESS.sub("0x...", f"{type(error).__name__}: {first}"[:MESSAGE_LENGTH]).removesuffix(": ")
