"""How many worker processes a cluster has room for."""

import pytest

from data_specs.params import ExecutionParams
from tasks.ray_workers import places


def test_workers_fill_the_cores_or_the_gpus() -> None:
    assert places(ExecutionParams(), 0.0, {"CPU": 8}) == 8
    assert places(ExecutionParams(workers=3), 0.0, {"CPU": 8}) == 3
    assert places(ExecutionParams(), 1.0, {"CPU": 64, "GPU": 8}) == 8
    assert places(ExecutionParams(), 0.25, {"CPU": 64, "GPU": 8}) == 32
    with pytest.raises(ValueError, match="gpus_per_worker is 1, but Ray has 0 GPUs"):
        places(ExecutionParams(), 1.0, {"CPU": 8})
