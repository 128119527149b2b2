"""Many independent items through a function: in this process, or in worker processes of Ray that may hang, die or leak.

Outcomes come in the order of the items. An item that hangs or kills its process is tried again alone in a fresh process and then given
up with a reason; the items beside it lose nothing. On Ray each worker process has a thread here that feeds it small batches.
"""

import importlib
import os
import queue
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

from data_specs.params import ExecutionParams
from tasks.soft_timeout import TimedOut, soft_timeout

BATCH_S = 0.1
"""Quick items travel together, so that a batch takes about this long there and back."""

LARGEST_BATCH = 64
LOOK_AHEAD = 4
"""Batches for each worker that are under way or wait to be handed out: bounds memory when one item is slow."""

GRACE_S = 5.0
"""How long a worker may overrun the time limit before it counts as stuck in native code and is killed."""

START_S = 300.0
"""How long a worker may take to start and to import the work."""

MESSAGE_LENGTH = 300
ADDRESS = re.compile(r"0x[0-9a-f]+")
PROJECT = Path(__file__).resolve().parents[1]

Item = tuple[str, Any]


@dataclass(frozen=True)
class Failure:
    """Why an item has no value. The message names no time, process or host: it ends in ledgers, and those must not differ between runs."""

    rule: Literal["timeout", "worker_died", "error"]
    message: str


@dataclass(frozen=True)
class Outcome:
    """What became of one item. seconds: in the work itself, of the last attempt."""

    item_id: str
    value: Any
    failure: Failure | None
    seconds: float


class Pool:
    """Workers for as long as the `with` block lasts; threads may share it.

    inline: the calling thread does the work; the time limit is soft (tasks/soft_timeout.py), and work that kills its process kills this one.
    ray: worker processes at RAY_ADDRESS, else on a local Ray that is started at the first `map` and stopped at the end.
    """

    def __init__(self, execution: ExecutionParams) -> None:
        self.execution = execution
        self._workers: _RayWorkers | None = None
        self._lock = threading.Lock()
        self._open = False

    def __enter__(self) -> Self:
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
            return (_attempt(work, item, timeout_s) for item in items)
        return self._started().map(work, items, timeout_s)

    def _started(self) -> "_RayWorkers":
        with self._lock:
            if not self._open:
                raise ValueError("a Ray pool works only inside its `with` block")
            if self._workers is None:
                self._workers = _RayWorkers(self.execution)
            return self._workers


def _attempt(work: Callable[[Any], Any], item: Item, timeout_s: float) -> Outcome:
    """Do one item in this thread."""
    item_id, payload = item
    started = time.perf_counter()
    value, failure = None, None
    try:
        with soft_timeout(timeout_s):
            result = work(payload)
        value = result
    except TimedOut:
        failure = _timed_out(timeout_s)
    except (Exception, SystemExit) as error:
        failure = Failure("error", _describe(error))
    return Outcome(item_id, value, failure, time.perf_counter() - started)


def _timed_out(timeout_s: float) -> Failure:
    return Failure("timeout", f"no result within {timeout_s:g} s")


def _describe(error: BaseException) -> str:
    """The kind of error and the first line of its message, without memory addresses."""
    first = next(iter(str(error).strip().splitlines()), "")
    return ADDRESS.sub("0x...", f"{type(error).__name__}: {first}"[:MESSAGE_LENGTH]).removesuffix(": ")


@dataclass(frozen=True)
class _Job:
    """One call of `map`. work: reference to the function in Ray's store."""

    work: Any
    timeout_s: float


class _RayWorkers:
    """Ray's life, the worker processes, and a thread for each that waits for it."""

    def __init__(self, execution: ExecutionParams) -> None:
        self.ray = start_ray(execution.workers)
        cores = max(int(self.ray.cluster_resources().get("CPU", 1)), 1)
        self.count = min(execution.workers or cores, cores)
        self.retries = execution.retries
        self.threads = ThreadPoolExecutor(self.count, thread_name_prefix="fan-out")
        self.seats: queue.SimpleQueue[_Seat] = queue.SimpleQueue()
        self.all_seats = [_Seat(self.ray, execution.recycle_after) for _ in range(self.count)]
        for seat in self.all_seats:
            self.seats.put(seat)

    def map(self, work: Callable[[Any], Any], items: Iterable[Item], timeout_s: float) -> Iterator[Outcome]:
        """Keep a few batches under way and yield their outcomes, oldest batch first."""
        job, source, size = _Job(self.ray.put(work), timeout_s), iter(items), 1
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

    def __init__(self, ray: Any, recycle_after: int) -> None:
        self.ray, self.recycle_after = ray, recycle_after
        self.actor: Any = None
        self.done, self.prepared, self.closed = 0, set[_Job](), False

    def ask(self, job: _Job, batch: list[Item]) -> list[Outcome] | Failure:
        """The outcomes of a batch, or why there are none. Raises RuntimeError when no worker starts or it cannot import the work."""
        actor, errors = self._worker(job), self.ray.exceptions
        try:
            outcomes = self.ray.get(actor.run.remote(job.work, batch, job.timeout_s), timeout=job.timeout_s + GRACE_S)
        except errors.GetTimeoutError:
            self.empty()
            return _timed_out(job.timeout_s)
        except errors.RayTaskError as error:
            return Failure("error", _describe(error.cause))
        except errors.RayError:
            self.empty()
            return Failure("worker_died", "its worker process died: it crashed, exited or ran out of memory")
        except Exception as error:  # the payload cannot be sent
            return Failure("error", _describe(error))
        self.done += len(batch)
        if self.done >= self.recycle_after:
            self.empty()
        return outcomes

    def _worker(self, job: _Job) -> Any:
        """A process that has imported the work already, so that the imports do not count as an item's time."""
        if self.closed:
            raise RuntimeError("the pool was closed while work was under way")
        if self.actor is None:
            self.actor = self.ray.remote(num_cpus=1, max_restarts=0)(_WorkerProcess).options(runtime_env=worker_environment()).remote()
        if job not in self.prepared:
            try:
                self.ray.get(self.actor.prepare.remote(job.work), timeout=START_S)
            except self.ray.exceptions.RayError as error:
                self.empty()
                reason = _describe(getattr(error, "cause", error))
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


class _WorkerProcess:
    """What runs in a worker process."""

    def prepare(self, work: Callable[[Any], Any]) -> None:
        """Receiving the work has imported its modules."""

    def run(self, work: Callable[[Any], Any], batch: list[Item], timeout_s: float) -> list[Outcome]:
        """The outcome of every item."""
        return [_attempt(work, item, timeout_s) for item in batch]


_OWNERS = 0
_STARTED = False
_LOCK = threading.Lock()


def start_ray(workers: int) -> Any:
    """Connect to RAY_ADDRESS, or start a local Ray with `workers` cores (0 = all); returns the module. Balance each call by `stop_ray`."""
    global _OWNERS, _STARTED
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    if "RAY_ADDRESS" not in os.environ:
        _require_token()
    ray = importlib.import_module("ray")
    with _LOCK:
        if not ray.is_initialized():
            quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
            if "RAY_ADDRESS" in os.environ:
                ray.init(os.environ["RAY_ADDRESS"], **quiet)
            else:
                _on_a_thread_that_stays(lambda: ray.init("local", num_cpus=workers or None, include_dashboard=False, **quiet))
            _STARTED = True
        _OWNERS += 1
    return ray


def _on_a_thread_that_stays(start: Callable[[], object]) -> None:
    """Run `start` on a thread that lives as long as this process, and raise here what it raises.

    The kernel kills Ray's processes when the thread that started them ends, and Ray then ends this process without a word. Whoever needs
    Ray first may well be a short-lived task thread.
    """
    started: Future[object] = Future()

    def run() -> None:
        try:
            started.set_result(start())
        except BaseException as error:
            started.set_exception(error)
        threading.Event().wait()

    threading.Thread(target=run, name="ray-keeper", daemon=True).start()
    started.result()


def stop_ray() -> None:
    """Undo one `start_ray`; the last one disconnects, which also ends a local Ray that was started here."""
    global _OWNERS, _STARTED
    with _LOCK:
        _OWNERS -= 1
        if _OWNERS == 0 and _STARTED:
            importlib.import_module("ray").shutdown()
            _STARTED = False


def worker_environment() -> dict[str, Any]:
    """A worker imports the project from where it lies and leaves the cores to its siblings."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
    return {"env_vars": one | {"PYTHONPATH": _module_path()}}


def _module_path() -> str:
    return os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))


def _require_token() -> None:
    """Ray's ports listen on every interface: a local Ray takes orders only from holders of this user's token."""
    if "RAY_AUTH_MODE" in os.environ:
        return
    path = Path.home() / ".ray" / "auth_token"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)
