"""Freed memory stays with a worker process, instead of going back to the system and being asked for again.

Rendering and training make and drop arrays of megabytes all the time. The C library hands each back to the system at once, and the pages of
the next one come in one by one: on a virtual machine that was a seventh of a render.
"""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""Names of settings, from malloc.h of glibc."""

KEPT_BYTES = 1 << 30
"""Free memory beyond goes back; a training step on a processor makes and drops half of it."""

LARGEST_BYTES = (1 << 30, 32 << 20)
"""Larger arrays come from the system and go back to it: the first that the C library allows; old ones refuse more than the second."""


def keep_freed_memory() -> bool:
    """Tell the C library of this process; returns whether it did so: others than glibc have no such setting."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    allowed = any(mallopt(MMAP_THRESHOLD, size) for size in LARGEST_BYTES)
    # One arena for all threads: those of single threads are made of pieces of 64 MB, which go back to the system as soon as they are empty.
    return all((allowed, mallopt(TRIM_THRESHOLD, KEPT_BYTES), mallopt(ARENA_MAX, 1)))
