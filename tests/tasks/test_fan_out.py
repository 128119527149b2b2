"""Order, time limits and quarantine, in this process and on Ray (one local Ray for all tests of this file)."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data_specs.params import ExecutionParams
from tasks import ray_workers
from tasks.attempt import Failure, Outcome
from tasks.fan_out import Pool
from tests.tasks import fan_out_work as work

INLINE = ExecutionParams(backend="inline")


def numbered(values: list) -> list[tuple[str, object]]:
    return [(f"item{i}", value) for i, value in enumerate(values)]


def summary(outcomes: Iterator[Outcome]) -> list[object]:
    return [outcome.failure.rule if outcome.failure else outcome.value for outcome in outcomes]


@pytest.fixture(scope="module")
def ray_pool() -> Iterator[Pool]:
    """Ray starts on a thread that then ends, as Prefect's do: were Ray bound to it, the kernel would kill Ray, and Ray this process."""
    with Pool(ExecutionParams(backend="ray", workers=2, retries=1, recycle_after=200)) as pool:
        first = threading.Thread(target=lambda: list(pool.map(work.square, [("first", 1)], 10.0)))
        first.start()
        first.join(120)
        assert not first.is_alive()
        yield pool


@pytest.fixture(params=["inline", "ray"])
def pool(request: pytest.FixtureRequest) -> Pool:
    return Pool(INLINE) if request.param == "inline" else request.getfixturevalue("ray_pool")


def test_outcomes_keep_the_order_of_items(pool: Pool) -> None:
    outcomes = list(pool.map(work.square, numbered(list(range(300))), 10.0))
    assert [(o.item_id, o.value, o.failure) for o in outcomes] == [(f"item{i}", i * i, None) for i in range(300)]
    slow_first = [0.3, 0.0, 0.2, 0.0, 0.0, 0.1]
    assert summary(pool.map(work.later, numbered(slow_first), 10.0)) == slow_first


def test_workers_without_a_share_see_no_gpu(ray_pool: Pool) -> None:
    assert summary(ray_pool.map(work.visible_gpus, numbered([1]), 10.0)) == [""]


def test_no_items_no_outcomes(pool: Pool) -> None:
    assert list(pool.map(work.square, [], 1.0)) == []


def test_exceptions_are_failures_with_one_reproducible_line(pool: Pool) -> None:
    outcomes = list(pool.map(work.behave, numbered(["a", "raise", "exit", "b"]), 10.0))
    assert [o.value for o in outcomes] == ["a", None, None, "b"]
    assert [o.failure and (o.failure.rule, o.failure.message) for o in outcomes] == [
        None,
        ("error", "ValueError: line one at 0x..."),
        ("error", "SystemExit: 3"),
        None,
    ]


def test_python_that_hangs_times_out(pool: Pool) -> None:
    outcomes = list(pool.map(work.behave, numbered(["a", "spin", "b"]), 0.5))
    assert [o.value for o in outcomes] == ["a", None, "b"]
    assert outcomes[1].failure == Failure("timeout", "no result within 0.5 s")


def test_inline_time_limit_holds_in_other_threads() -> None:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend(summary(Pool(INLINE).map(work.behave, numbered(["a", "spin", "b"]), 0.3))))
    thread.start()
    thread.join(20)
    assert found == ["a", "timeout", "b"]


@pytest.mark.slow
def test_dead_workers_cost_only_their_own_item(ray_pool: Pool) -> None:
    """The bad ones sit in the middle of full batches of quick ones."""
    values = [f"v{i}" for i in range(150)]
    values[100], values[120] = "die", "segfault"
    expected = ["worker_died" if v in ("die", "segfault") else v for v in values]
    assert summary(ray_pool.map(work.behave, numbered(values), 30.0)) == expected


def test_an_item_that_lost_its_worker_is_tried_again(ray_pool: Pool, tmp_path: Path) -> None:
    assert summary(ray_pool.map(work.once, [("x", str(tmp_path / "mark"))], 30.0)) == ["second try"]


@pytest.mark.slow
def test_workers_stuck_in_native_code_are_killed(ray_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a batch with others, the time limit is still one item's, not the batch's."""
    monkeypatch.setattr(ray_workers, "GRACE_S", 0.5)
    values = [f"v{i}" for i in range(100)]
    values[90] = "stuck"
    started = time.monotonic()
    outcomes = summary(ray_pool.map(work.stuck_in_native_code, numbered(values), 1.0))
    assert outcomes == ["timeout" if v == "stuck" else v for v in values]
    assert time.monotonic() - started < 60


def test_what_cannot_be_sent_is_an_error_of_that_item(ray_pool: Pool) -> None:
    assert summary(ray_pool.map(work.lock, numbered(list(range(5))), 10.0)) == [0, 1, "error", 3, 4]
    assert summary(ray_pool.map(work.square, numbered([1, threading.Lock(), 3]), 10.0)) == [1, "error", 9]


def test_threads_share_the_workers(ray_pool: Pool) -> None:
    """As Prefect does with several shards in flight."""
    results: dict[int, list[object]] = {}

    def run(shard: int) -> None:
        results[shard] = summary(ray_pool.map(work.square, numbered([shard * 1000 + i for i in range(60)]), 10.0))

    threads = [threading.Thread(target=run, args=(shard,)) for shard in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert results == {shard: [(shard * 1000 + i) ** 2 for i in range(60)] for shard in range(6)}


def test_items_are_read_only_a_little_ahead(ray_pool: Pool) -> None:
    taken = 0

    def endless() -> Iterator[tuple[str, int]]:
        nonlocal taken
        while True:
            taken += 1
            yield str(taken), taken

    outcomes = ray_pool.map(work.square, endless(), 10.0)
    for _ in range(500):
        next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert taken <= 500 + (ray_workers.LOOK_AHEAD * 2 + 1) * ray_workers.LARGEST_BATCH


@pytest.mark.slow
def test_workers_are_replaced_and_limited_to_one_thread(ray_pool: Pool) -> None:
    outcomes = [o.value for o in ray_pool.map(work.surroundings, numbered(list(range(1000))), 10.0)]
    assert len({process for process, *_ in outcomes}) >= 3  # 1,000 items, a new process after 200
    assert os.getpid() not in {process for process, *_ in outcomes}
    assert {tuple(threads) for _, *threads in outcomes} == {("1", 1, 1)}


def test_ray_starts_only_for_work_and_a_closed_pool_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Callable] = []
    monkeypatch.setattr(ray_workers, "start_ray", lambda workers: started.append(workers))
    with Pool(ExecutionParams(backend="ray")) as pool:
        pass
    assert started == []
    with pytest.raises(ValueError, match="inside its `with` block"):
        pool.map(work.square, [], 1.0)
