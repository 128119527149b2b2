"""What a child process that works on a stranger's file has: a bare environment, and limits that it sets on itself."""

import os
import resource
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV")
HEADROOM_BYTES = 64 << 20
OUT_OF_MEMORY = 3
"""The exit status of a child that serves one call and needs more than it may have."""


def bare_environment() -> dict[str, str]:
    """No secrets, no proxies, one thread in the numerical libraries (their buffers count as address space)."""
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
    return environment | {"PYTHONPATH": str(REPOSITORY), "MALLOC_ARENA_MAX": "2"}


def limit_process(memory_bytes: int, file_bytes: int = 0) -> None:
    """Limit this process to so much address space and to files of so many bytes, without core dumps. Raises MemoryError where that is too little."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bytearray(HEADROOM_BYTES)  # a limit that the libraries alone use up must show now, not as a fault of every file
