"""The pieces of a suite: one after another in this process, or several at a time in processes of their own."""

import io
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.queues import Queue

import torch

from data_specs.params import Params
from data_specs.suite import Suite
from tasks.artefacts import Workspace
from tasks.evaluate.schedule import Piece
from tasks.evaluate.task import evaluate_cell
from tasks.kept_memory import keep_freed_memory
from tasks.train.task import train_one


@dataclass(frozen=True)
class SuiteWork:
    """How a piece is done; travels to other processes."""

    workspace: Workspace
    params: Params
    suite: Suite

    def __call__(self, piece: Piece) -> None:
        """Train its run, or sample and measure its row, as tasks of the flow."""
        if piece.run:
            train_one(self.workspace, self.params, piece.run)
        else:
            evaluate_cell(self.workspace, self.params, self.suite, piece.row.name, piece.seed)

    def alone(self, piece: Piece) -> None:
        """The same outside of the flow: in another process."""
        if piece.run:
            train_one.fn(self.workspace, self.params, piece.run)
        else:
            evaluate_cell.fn(self.workspace, self.params, self.suite, piece.row.name, piece.seed)


def cores_each(processes: int) -> int:
    """Of the cores this process may use, the share of each of some processes: at least one."""
    return max(1, len(os.sched_getaffinity(0)) // processes)


def in_order(pieces: list[Piece], work: Callable[[Piece], None], begin: Callable[[Piece], None]) -> Iterator[Piece]:
    """Do the pieces in order; yields each when it is done. begin: told of each before."""
    for piece in pieces:
        begin(piece)
        work(piece)
        yield piece


def side_by_side(
    pieces: list[Piece], work: Callable[[Piece], None], begin: Callable[[Piece], None], processes: int
) -> Iterator[Piece]:  # fmt: skip
    """Do some pieces at a time, each as soon as what it needs is done, the first in order first; yields each when it is done.

    work: importable by another process. Raises the first failure once the pieces in flight have ended.
    """
    context = multiprocessing.get_context("spawn")
    shares: Queue[str] = context.Queue()
    for place in range(processes):
        shares.put(gpus[place % len(gpus)] if (gpus := _gpus()) else "")
    waiting, ended = list(pieces), set[str]()
    running: dict[Future[None], Piece] = {}
    with ProcessPoolExecutor(processes, context, _prepare, (shares, cores_each(processes))) as pool:
        while waiting or running:
            ready = [piece for piece in waiting if piece.needs <= ended][: processes - len(running)]
            for piece in ready:
                waiting.remove(piece)
                begin(piece)
                running[pool.submit(work, piece)] = piece
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                piece = running.pop(future)
                future.result()
                ended.add(piece.key)
                yield piece


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
