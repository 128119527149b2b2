"""Many independent items through a function: in this process, or in worker processes of Ray (tasks/ray_workers.py).

Outcomes come in the order of the items; one that hangs, dies or raises is a failure with a reason, and the others lose nothing.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from data_specs.params import ExecutionParams
from tasks.attempt import Item, Outcome, attempt
from tasks.kept_memory import keep_freed_memory
from tasks.ray_workers import RayWorkers


class Pool:
    """Workers for as long as the `with` block lasts; threads may share it.

    inline: the calling thread does the work; the time limit is soft (tasks/soft_timeout.py), and work that kills its process kills this one.
    ray: worker processes at RAY_ADDRESS, else on a local Ray that is started at the first `map` and stopped at the end.
    word: whose share of a GPU each worker has.
    """

    def __init__(self, execution: ExecutionParams, word: str = "") -> None:
        self.execution, self.gpus = execution, execution.share(word)
        self._workers: RayWorkers | None = None
        self._lock = threading.Lock()
        self._open = False

    def __enter__(self) -> Self:
        if self.execution.backend == "inline":
            keep_freed_memory()
        self._open = True
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._open = False
            workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()

    def map(self, work: Callable[[Any], Any], items: Iterable[Item], timeout_s: float) -> Iterator[Outcome]:
        """Yield the outcome of `work(payload)` for every (id, payload), in their order; `items` is read only a little ahead.

        work: importable by a worker. timeout_s: for one item. Raises RuntimeError when workers cannot start or cannot import the work.
        """
        if self.execution.backend == "inline":
            return (attempt(work, item, timeout_s) for item in items)
        return self._started().map(work, items, timeout_s)

    def _started(self) -> RayWorkers:
        with self._lock:
            if not self._open:
                raise ValueError("a Ray pool works only inside its `with` block")
            if self._workers is None:
                self._workers = RayWorkers(self.execution, self.gpus)
            return self._workers
