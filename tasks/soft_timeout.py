"""Stopping work that takes too long inside this very process, as far as Python allows it."""

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TimedOut(BaseException):
    """The work took too long. Not an `Exception`, so that the work's own `except Exception` does not swallow it."""


@contextmanager
def soft_timeout(seconds: float) -> Iterator[None]:
    """Raise `TimedOut` inside the block after `seconds`.

    Soft means: Python must get control back. In the main thread (SIGALRM) sleeps and blocking calls are interrupted, a long native call is
    stopped when it returns; in any other thread (an asynchronous exception) sleeps and blocking calls too run to their end first.
    Only a worker process can be stopped for certain.
    """
    main = threading.current_thread() is threading.main_thread()
    with _alarm(seconds) if main else _watchdog(seconds):
        yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise TimedOut

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """A timer thread sets the exception in ours. The lock and the last line see to it that none arrives after the block."""
    thread, lock, over = threading.get_ident(), threading.Lock(), threading.Event()

    def bark() -> None:
        with lock:
            if not over.is_set():
                _raise_in(thread, ctypes.py_object(TimedOut))

    timer = threading.Timer(seconds, bark)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over.set()
        _raise_in(thread, None)


def _raise_in(thread: int, exception: object) -> None:
    """Set (or, with None, clear) the exception that `thread` raises at its next line of Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception)
