"""Whether the pages of large arrays come in again and again."""

import ctypes
import subprocess
import sys

import pytest

import tasks.kept_memory

COUNT = """
import resource
import numpy as np
from tasks.kept_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.empty(48 << 20, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

assert keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_pages_of_large_arrays_come_in_once() -> None:
    counted = int(subprocess.run([sys.executable, "-c", COUNT], capture_output=True, check=True).stdout)
    assert counted < 20, f"{counted} page faults for 20 arrays of 12,288 pages"


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.kept_memory.ctypes, "CDLL", lambda _: object())
    assert not tasks.kept_memory.keep_freed_memory()
