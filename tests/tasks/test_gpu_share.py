"""Work for a GPU needs workers that have one."""

import pytest

from data_specs.params import ExecutionParams, load_params
from tasks.gpu_share import check_share

WANTED = ["align.depth.device=cuda"]


def test_workers_of_ray_without_a_share_are_refused() -> None:
    with pytest.raises(ValueError, match=r"align\.depth\.device=cuda: needs a GPU.*set execution\.gpus_per_worker\.align=1"):
        check_share(ExecutionParams(backend="ray"), "align", WANTED)
    with pytest.raises(ValueError, match="gives the workers of align none"):
        check_share(ExecutionParams(backend="ray", gpus_per_worker={"features": 1.0}), "align", WANTED)
    check_share(ExecutionParams(backend="ray"), "align", [])
    check_share(ExecutionParams(backend="inline"), "align", WANTED)
    for share in (0.25, {"align": 0.25}):
        check_share(ExecutionParams(backend="ray", gpus_per_worker=share), "align", WANTED)


def test_a_share_may_be_of_all_words_or_of_some() -> None:
    assert load_params("tiny").execution.share("align") == 0.0
    assert load_params("tiny", ["execution.gpus_per_worker=1"]).execution.share("align") == 1.0
    some = load_params("tiny", ["execution.gpus_per_worker.align=0.25"]).execution
    assert (some.share("align"), some.share("features")) == (0.25, 0.0)
    with pytest.raises(ValueError, match=r"gpus_per_worker: .*'aline' is none of assets, render"):
        load_params("tiny", ["execution.gpus_per_worker.aline=0.25"])


def test_at_size_paper_whoever_needs_a_gpu_has_a_share() -> None:
    execution = load_params("paper").execution
    assert all(execution.share(word) for word in ("matched_real", "align", "features"))
    assert not any(execution.share(word) for word in ("assets", "render", "shards"))
