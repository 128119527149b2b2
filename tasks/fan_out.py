"""Work on many items at once, with a time limit for each, on this machine or on a Ray cluster.

Outcomes come in the order of the items, whatever finishes first. An item that hangs or kills its process is tried again in a fresh
process, alone, and then given up with a reason; nothing it does reaches the items beside it.
"""

import contextlib
import importlib
import os
import queue
import secrets
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from data_specs.params import ExecutionParams

BATCH_SECONDS = 0.05
"""Quick items travel together until a batch takes about this long."""

LARGEST_BATCH = 64
LOOK_AHEAD = 4
"""Batches per worker between the item that is handed out next and the newest one in flight: bounds memory."""

GRACE_S = 5.0
"""After its own time limit fires inside a worker, how long until the worker counts as stuck in native code."""

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Failure:
    """Why an item has no result."""

    rule: Literal["timeout", "worker_died", "error"]
    message: str


@dataclass(frozen=True)
class Outcome:
    """What became of one item. seconds: in the work itself."""

    item_id: str
    value: Any
    failure: Failure | None
    seconds: float


@dataclass
class _Item:
    place: int
    item_id: str
    payload: Any
    attempts: int = 0


def _attempt(work: Callable[[Any], Any], item: _Item, timeout_s: float) -> Outcome:
    """Run the work under a soft time limit (an alarm, where this is the main thread)."""
    start = time.perf_counter()
    try:
        with _alarm(timeout_s):
            value, failure = work(item.payload), None
    except _TimeIsUp:
        value, failure = None, Failure("timeout", f"no result within {timeout_s:g} s")
    except Exception as error:
        value, failure = None, Failure("error", f"{type(error).__name__}: {error}"[:500])
    return Outcome(item.item_id, value, failure, time.perf_counter() - start)


class _TimeIsUp(BaseException):
    """Not an `Exception`, so that work which catches everything cannot swallow it."""


@contextlib.contextmanager
def _alarm(timeout_s: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, timeout_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Pool:
    """Workers for as long as the `with` block lasts; may be shared by threads.

    inline: the calling thread does the work; the time limit holds only on the main thread and only for Python code.
    ray: one process per worker at RAY_ADDRESS, or on a local Ray that is started here and stopped at the end.
    """

    def __init__(self, execution: ExecutionParams) -> None:
        self.execution = execution
        self._ray: _RayWorkers | None = None

    def __enter__(self) -> Self:
        if self.execution.backend == "ray":
            self._ray = _RayWorkers(self.execution)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ray is not None:
            self._ray.close()
            self._ray = None

    def map(self, work: Callable[[Any], Any], items: Iterable[tuple[str, Any]], timeout_s: float) -> Iterator[Outcome]:
        """Yield the outcome of `work(payload)` for every (id, payload), in order.

        work: a function of a module, so that a worker can import it. timeout_s: for one item.
        """
        numbered = (_Item(place, item_id, payload) for place, (item_id, payload) in enumerate(items))
        if self.execution.backend == "inline":
            return (_attempt(work, item, timeout_s) for item in numbered)
        if self._ray is None:
            raise ValueError("a Ray pool works only inside its `with` block")
        return _RayMap(self._ray, work, timeout_s).run(numbered)


class _RayWorkers:
    """Ray's life and a set of worker processes."""

    def __init__(self, execution: ExecutionParams) -> None:
        self.ray = start_ray(execution.workers)
        self.execution = execution
        self.count = execution.workers or max(int(self.ray.cluster_resources().get("CPU", 1)), 1)
        self.idle: queue.Queue[_Worker] = queue.Queue()
        self._all: list[_Worker] = []
        self._class = self.ray.remote(num_cpus=1, max_restarts=0)(_WorkerProcess)
        for _ in range(self.count):
            self.idle.put(self._new())

    def _new(self) -> "_Worker":
        worker = _Worker(self._class.options(runtime_env=worker_environment()).remote())
        self._all.append(worker)
        return worker

    def give_back(self, worker: "_Worker", items: int) -> None:
        """Take a worker back that did `items`; one that has done many is replaced, so that leaks of native libraries end."""
        worker.done += items
        if worker.done >= self.execution.recycle_after:
            self.replace(worker)
        else:
            self.idle.put(worker)

    def replace(self, worker: "_Worker") -> None:
        """End a worker and put a fresh one in its place."""
        self._all.remove(worker)
        self.ray.kill(worker.actor)
        self.idle.put(self._new())

    def close(self) -> None:
        """End all workers, and Ray itself where it was started here."""
        for worker in self._all:
            self.ray.kill(worker.actor)
        stop_ray()


class _WorkerProcess:
    """What runs in a worker process."""

    def run(self, work: Callable[[Any], Any], items: list[_Item], timeout_s: float) -> list[Outcome]:
        return [_attempt(work, item, timeout_s) for item in items]


@dataclass(eq=False)
class _Worker:
    actor: Any
    done: int = 0


@dataclass
class _Flight:
    worker: _Worker
    items: list[_Item]
    deadline: float


@dataclass
class _RayMap:
    """One call of `Pool.map` on Ray."""

    workers: _RayWorkers
    work: Callable[[Any], Any]
    timeout_s: float
    batch: int = 1
    flights: dict[Any, _Flight] = field(default_factory=dict)
    again: deque[_Item] = field(default_factory=deque)
    ready: dict[int, Outcome] = field(default_factory=dict)

    def run(self, items: Iterator[_Item]) -> Iterator[Outcome]:
        """Send items out and hand outcomes back in order."""
        try:
            following, exhausted, sent = 0, False, 0
            while True:
                while self.again or (not exhausted and sent - following < LOOK_AHEAD * self.workers.count * self.batch):
                    batch = self._next_batch(items)
                    if not batch:
                        exhausted = True
                        break
                    sent = max(sent, batch[-1].place + 1)
                    if not self._send(batch):
                        break
                if not self.flights and not self.again and exhausted and following == sent:
                    return
                self._collect()
                while following in self.ready:
                    yield self.ready.pop(following)
                    following += 1
        finally:
            for flight in self.flights.values():
                self.workers.replace(flight.worker)

    def _next_batch(self, items: Iterator[_Item]) -> list[_Item]:
        if self.again:
            return [self.again.popleft()]
        return [item for _, item in zip(range(self.batch), items, strict=False)]

    def _send(self, batch: list[_Item]) -> bool:
        """Give a batch to an idle worker; with work of our own in flight, do not wait for one that another thread holds."""
        try:
            worker = self.workers.idle.get(block=not self.flights)
        except queue.Empty:
            self.again.extendleft(reversed(batch))
            return False
        deadline = time.monotonic() + self.timeout_s * len(batch) + GRACE_S + (60.0 if worker.done == 0 else 0.0)
        self.flights[worker.actor.run.remote(self.work, batch, self.timeout_s)] = _Flight(worker, batch, deadline)
        return True

    def _collect(self) -> None:
        if not self.flights:
            return
        wait_s = max(min(flight.deadline for flight in self.flights.values()) - time.monotonic(), 0.0)
        finished, _ = self.workers.ray.wait(list(self.flights), num_returns=1, timeout=min(wait_s, 1.0))
        for reference in finished:
            self._land(reference, self.flights.pop(reference))
        now = time.monotonic()
        for reference in [reference for reference, flight in self.flights.items() if flight.deadline < now]:
            flight = self.flights.pop(reference)
            self.workers.replace(flight.worker)
            self._retry(flight.items, Failure("timeout", f"no answer within {self.timeout_s:g} s: stuck in native code"))

    def _land(self, reference: Any, flight: _Flight) -> None:
        try:
            outcomes = self.workers.ray.get(reference)
        except self.workers.ray.exceptions.RayActorError as error:
            self.workers.replace(flight.worker)
            self._retry(flight.items, Failure("worker_died", f"its worker process died: {str(error).splitlines()[0]}"))
            return
        self.workers.give_back(flight.worker, len(outcomes))
        for item, outcome in zip(flight.items, outcomes, strict=True):
            if outcome.failure is not None and outcome.failure.rule == "timeout":
                self._retry([item], outcome.failure)
            else:
                self.ready[item.place] = outcome
        mean = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
        self.batch = min(max(int(BATCH_SECONDS / max(mean, 1e-6)), 1), LARGEST_BATCH, self.batch * 2)

    def _retry(self, items: list[_Item], failure: Failure) -> None:
        """Items of a batch are tried again one by one, since any of them may be to blame; an item alone counts the attempt."""
        for item in items:
            item.attempts += len(items) == 1
            if item.attempts > self.workers.execution.retries:
                self.ready[item.place] = Outcome(item.item_id, None, failure, self.timeout_s)
            else:
                self.again.append(item)


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
                ray.init("local", num_cpus=workers or os.cpu_count(), include_dashboard=False, **quiet)
            _STARTED = True
        _OWNERS += 1
    return ray


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
