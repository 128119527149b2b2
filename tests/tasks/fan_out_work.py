"""Work that behaves badly in every way a stranger's file can make it; importable by worker processes."""

import ctypes
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import cv2

from models.renderers.open3d_cpu import threads


def square(number: int) -> int:
    """Well-behaved."""
    return number * number


def later(seconds: float) -> float:
    """Slow by as much as it is told."""
    time.sleep(seconds)
    return seconds


def behave(how: str) -> str:
    """Do as told; anything else is given back."""
    if how == "raise":
        raise ValueError("line one at 0xdeadbeef\nline two")
    if how == "exit":
        raise SystemExit(3)
    if how == "die":
        os._exit(1)
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "spin":
        while True:
            pass
    return how


def stuck_in_native_code(how: str) -> str:
    """Hold the interpreter's lock in native code, where no signal handler runs."""
    if how == "stuck":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        ctypes.PyDLL(None).sleep(600)
    return how


def once(place: str) -> str:
    """Die at the first try, succeed at the second."""
    if not Path(place).exists():
        Path(place).touch()
        os._exit(1)
    return "second try"


def lock(number: int) -> Any:
    """A value that cannot be sent back."""
    return threading.Lock() if number == 2 else number


def surroundings(_: int) -> tuple[int, str, int, int]:
    """Process id; threads that numerical libraries, OpenCV and Embree may use."""
    return os.getpid(), os.environ.get("OMP_NUM_THREADS", ""), cv2.getNumThreads(), threads()


def visible_gpus(_: int) -> str | None:
    """The GPUs that CUDA may use here; None = all."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")
