"""How many worker processes a cluster has room for, and what is left of Ray after its end."""

import pytest

from data_specs.params import ExecutionParams
from tasks import ray_workers
from tasks.ray_workers import RayWorkers, places
from tests.tasks import fan_out_work as work


def test_workers_fill_the_cores_or_the_gpus() -> None:
    assert places(ExecutionParams(), 0.0, {"CPU": 8}) == 8
    assert places(ExecutionParams(workers=3), 0.0, {"CPU": 8}) == 3
    assert places(ExecutionParams(), 1.0, {"CPU": 64, "GPU": 8}) == 8
    assert places(ExecutionParams(), 0.25, {"CPU": 64, "GPU": 8}) == 32
    with pytest.raises(ValueError, match="gpus_per_worker is 1, but Ray has 0 GPUs"):
        places(ExecutionParams(), 1.0, {"CPU": 8})


class EndedRay:
    """A Ray that would start once more if it were asked for anything."""

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1}

    def put(self, work: object) -> None:
        raise AssertionError("Ray starts once more")


def test_nothing_is_asked_of_ray_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_workers, "start_ray", lambda workers: EndedRay())
    monkeypatch.setattr(ray_workers, "stop_ray", lambda: None)
    workers = RayWorkers(ExecutionParams(backend="ray"))
    outcomes = workers.map(work.square, [("one", 1)], 1.0)
    workers.close()
    with pytest.raises(RuntimeError, match="after shutdown"):
        next(outcomes)
