"""The soft time limit: on the main thread it interrupts sleeps, on others Python code; nothing arrives after the block."""

import signal
import threading
import time
from collections.abc import Callable

import pytest

from tasks.soft_timeout import TimedOut, soft_timeout


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def in_a_thread(work: Callable[[], None]) -> list[BaseException]:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return caught


def limited_spin() -> None:
    with soft_timeout(0.1):
        spin(10)


def test_main_thread_interrupts_a_sleep_and_restores_the_handler() -> None:
    before = signal.getsignal(signal.SIGALRM)
    started = time.monotonic()
    with pytest.raises(TimedOut), soft_timeout(0.1):
        time.sleep(10)
    assert time.monotonic() - started < 2
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_other_thread_interrupts_python_code() -> None:
    started = time.monotonic()
    assert [type(error) for error in in_a_thread(limited_spin)] == [TimedOut]
    assert time.monotonic() - started < 3


def test_work_cannot_swallow_it() -> None:
    with pytest.raises(TimedOut), soft_timeout(0.1):
        try:
            time.sleep(10)
        except Exception:
            pytest.fail("an ordinary handler caught the time limit")


def test_nothing_arrives_after_the_block() -> None:
    """The limit is set to fall on the end of the block, again and again; whatever comes must come inside it."""

    def work() -> None:
        for _ in range(60):
            try:
                with soft_timeout(0.005):
                    spin(0.005)
            except TimedOut:
                pass
            spin(0.002)

    assert in_a_thread(work) == []
