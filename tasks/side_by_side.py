"""Items that need one another's results: one after another in this process, or several at a time in processes of their own."""

import io
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Set
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.queues import Queue
from typing import Protocol, TypeVar

import torch

from tasks.kept_memory import keep_freed_memory


class Item(Protocol):
    """Something to do."""

    @property
    def key(self) -> str:
        """What no other item is called."""
        ...

    @property
    def needs(self) -> Set[str]:
        """Keys of the items that must be done before it."""
        ...


Some = TypeVar("Some", bound=Item)


def cores_each(processes: int) -> int:
    """Of the cores this process may use, the share of each of some processes: at least one."""
    return max(1, len(os.sched_getaffinity(0)) // processes)


def compute_as_one_of(processes: int) -> None:
    """Let torch in this process use as many cores as each of some processes would."""
    torch.set_num_threads(cores_each(processes))


def finished(items: list[Some], work: Callable[[Some], None], begin: Callable[[Some], None], processes: int) -> Iterator[Some]:
    """Do the items in order, as many at a time as there are processes; yields each when it is done.

    work: importable by another process where there are more than one. begin: told of each item before. needs: of an item, earlier in order.
    Raises the first failure, once the items in flight have ended; ValueError where an item needs what is not there.
    """
    return _in_order(items, work, begin) if processes == 1 else _side_by_side(items, work, begin, processes)


def _in_order(items: list[Some], work: Callable[[Some], None], begin: Callable[[Some], None]) -> Iterator[Some]:
    for item in items:
        begin(item)
        work(item)
        yield item


def _side_by_side(items: list[Some], work: Callable[[Some], None], begin: Callable[[Some], None], processes: int) -> Iterator[Some]:
    """Each as soon as what it needs is done, the first in order first."""
    context = multiprocessing.get_context("spawn")
    shares: Queue[str] = context.Queue()
    for place in range(processes):
        shares.put(gpus[place % len(gpus)] if (gpus := _gpus()) else "")
    waiting, ended = list(items), set[str]()
    running: dict[Future[None], Some] = {}
    with ProcessPoolExecutor(processes, context, _prepare, (shares, cores_each(processes))) as pool:
        while waiting or running:
            ready = [item for item in waiting if item.needs <= ended][: processes - len(running)]
            for item in ready:
                waiting.remove(item)
                begin(item)
                running[pool.submit(work, item)] = item
            if not running:
                raise ValueError(f"{waiting[0].key} needs what is not among the items: {', '.join(sorted(waiting[0].needs - ended))}")
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                item = running.pop(future)
                future.result()
                ended.add(item.key)
                yield item


def _gpus() -> list[str]:
    """Names of the GPUs that this process may use."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [name for name in allowed.split(",") if name] if allowed is not None else [str(number) for number in range(torch.cuda.device_count())]


def _prepare(shares: "Queue[str]", cores: int) -> None:
    """In a new process: its share of the cores, a GPU of its own where there are some, and plain lines instead of one that others overwrite."""
    os.environ["CUDA_VISIBLE_DEVICES"] = shares.get()  # read when CUDA is first used, which is later
    torch.set_num_threads(cores)
    keep_freed_memory()
    sys.stderr = _PlainLines(sys.stderr.buffer, line_buffering=True)


class _PlainLines(io.TextIOWrapper):
    def isatty(self) -> bool:
        return False
