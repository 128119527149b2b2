"""Worker processes of Ray that may hang, die or leak: each has a thread here that feeds it small batches.

An item that hangs or kills its process is tried again alone in a fresh process and then given up with a reason; the items beside it lose
nothing.
"""

import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from data_specs.params import ExecutionParams
from tasks.attempt import Failure, Item, Outcome, attempt, describe, timed_out
from tasks.kept_memory import keep_freed_memory
from tasks.ray_life import start_ray, stop_ray, worker_environment

BATCH_S = 0.1
"""Quick items travel together, so that a batch takes about this long there and back."""

LARGEST_BATCH = 64
LOOK_AHEAD = 4
"""Batches for each worker that are under way or wait to be handed out: bounds memory when one item is slow."""

GRACE_S = 5.0
"""How long a worker may overrun the time limit before it counts as stuck in native code and is killed."""

START_S = 300.0
"""How long a worker may take to start and to import the work."""


@dataclass(frozen=True)
class _Job:
    """One call of `map`. work: reference to the function in Ray's store."""

    work: Any
    timeout_s: float


class RayWorkers:
    """Ray's life, the worker processes, and a thread for each that waits for it."""

    def __init__(self, execution: ExecutionParams, gpus: float = 0.0) -> None:
        self.ray = start_ray(execution.workers)
        try:
            self.count = places(execution, gpus, self.ray.cluster_resources())
        except ValueError:
            stop_ray()
            raise
        self.retries = execution.retries
        self.threads = ThreadPoolExecutor(self.count, thread_name_prefix="fan-out")
        self.seats: queue.SimpleQueue[_Seat] = queue.SimpleQueue()
        self.all_seats = [_Seat(self.ray, execution.recycle_after, gpus) for _ in range(self.count)]
        for seat in self.all_seats:
            self.seats.put(seat)

    def map(self, work: Callable[[Any], Any], items: Iterable[Item], timeout_s: float) -> Iterator[Outcome]:
        """Keep a few batches under way and yield their outcomes, oldest batch first."""
        # on a thread that `close` waits for: after it, Ray would start once more to keep this
        job, source, size = _Job(self.threads.submit(self.ray.put, work).result(), timeout_s), iter(items), 1
        flights: deque[Future[tuple[list[Outcome], float]]] = deque()
        try:
            while True:
                while len(flights) < LOOK_AHEAD * self.count and (batch := list(islice(source, size))):
                    flights.append(self.threads.submit(self._run, job, batch))
                if not flights:
                    return
                outcomes, seconds = flights.popleft().result()
                size = max(1, min(int(BATCH_S * len(outcomes) / max(seconds, 1e-6)), 2 * size, LARGEST_BATCH))
                yield from outcomes
        finally:
            for flight in flights:
                flight.cancel()

    def close(self) -> None:
        """End all workers at once, whatever they do, and Ray itself where it was started here."""
        for seat in self.all_seats:
            seat.close()
        self.threads.shutdown(wait=True, cancel_futures=True)
        stop_ray()

    def _run(self, job: _Job, batch: list[Item]) -> tuple[list[Outcome], float]:
        started, seat = time.perf_counter(), self.seats.get()
        try:
            return self._settle(seat, job, batch), time.perf_counter() - started
        finally:
            self.seats.put(seat)

    def _settle(self, seat: "_Seat", job: _Job, batch: list[Item]) -> list[Outcome]:
        answer = seat.ask(job, batch)
        if isinstance(answer, Failure) and len(batch) > 1:  # nobody knows whose fault: each alone, with all its attempts
            return [outcome for item in batch for outcome in self._settle(seat, job, [item])]
        outcomes = [Outcome(batch[0][0], None, answer, job.timeout_s)] if isinstance(answer, Failure) else answer
        return [self._retried(seat, job, item, outcome) for item, outcome in zip(batch, outcomes, strict=True)]

    def _retried(self, seat: "_Seat", job: _Job, item: Item, outcome: Outcome) -> Outcome:
        """Try an item again that timed out or lost its worker, alone in a fresh process; an exception would only come again."""
        for _ in range(self.retries):
            if outcome.failure is None or outcome.failure.rule == "error":
                break
            seat.empty()
            answer = seat.ask(job, [item])
            outcome = Outcome(item[0], None, answer, job.timeout_s) if isinstance(answer, Failure) else answer[0]
        return outcome


class _Seat:
    """A place for one worker process, filled when needed and emptied when the process hangs, dies or has done its share."""

    def __init__(self, ray: Any, recycle_after: int, gpus: float) -> None:
        self.ray, self.recycle_after, self.gpus = ray, recycle_after, gpus
        self.actor: Any = None
        self.done, self.prepared, self.closed = 0, set[_Job](), False

    def ask(self, job: _Job, batch: list[Item]) -> list[Outcome] | Failure:
        """The outcomes of a batch, or why there are none. Raises RuntimeError when no worker starts or it cannot import the work."""
        actor, errors = self._worker(job), self.ray.exceptions
        try:
            outcomes = self.ray.get(actor.run.remote(job.work, batch, job.timeout_s), timeout=job.timeout_s + GRACE_S)
        except errors.GetTimeoutError:
            self.empty()
            return timed_out(job.timeout_s)
        except errors.RayTaskError as error:
            return Failure("error", describe(error.cause))
        except errors.RayError:
            self.empty()
            return Failure("worker_died", "its worker process died: it crashed, exited or ran out of memory")
        except Exception as error:  # the payload cannot be sent
            return Failure("error", describe(error))
        self.done += len(batch)
        if self.done >= self.recycle_after:
            self.empty()
        return outcomes

    def _worker(self, job: _Job) -> Any:
        """A process that has imported the work already, so that the imports do not count as an item's time."""
        if self.closed:
            raise RuntimeError("the pool was closed while work was under way")
        if self.actor is None:
            process = self.ray.remote(num_cpus=1, num_gpus=self.gpus, max_restarts=0)(_WorkerProcess)
            self.actor = process.options(runtime_env=worker_environment(gpus=self.gpus)).remote()
        if job not in self.prepared:
            try:
                self.ray.get(self.actor.prepare.remote(job.work), timeout=START_S)
            except self.ray.exceptions.RayError as error:
                self.empty()
                reason = describe(getattr(error, "cause", error))
                raise RuntimeError(f"a worker could not start: {reason}. Is a core free on the cluster, and the project importable there?") from None
            self.prepared.add(job)
        return self.actor

    def empty(self) -> None:
        """Kill the process."""
        actor, self.actor, self.done, self.prepared = self.actor, None, 0, set()
        if actor is not None:
            self.ray.kill(actor)

    def close(self) -> None:
        """Kill the process and start no other."""
        self.closed = True
        self.empty()


def places(execution: ExecutionParams, gpus: float, resources: dict[str, float]) -> int:
    """How many workers with such a share of a GPU find room on a cluster. Raises ValueError when each is to have more of one than there is."""
    cores = max(int(resources.get("CPU", 1)), 1)
    count = min(execution.workers or cores, cores)
    if gpus:
        count = min(count, int(resources.get("GPU", 0) / gpus))
    if count == 0:
        raise ValueError(f"execution.gpus_per_worker is {gpus:g}, but Ray has {resources.get('GPU', 0):g} GPUs")
    return count


class _WorkerProcess:
    """What runs in a worker process."""

    def __init__(self) -> None:
        keep_freed_memory()

    def prepare(self, work: Callable[[Any], Any]) -> None:
        """Receiving the work has imported its modules."""

    def run(self, work: Callable[[Any], Any], batch: list[Item], timeout_s: float) -> list[Outcome]:
        """The outcome of every item."""
        return [attempt(work, item, timeout_s) for item in batch]
