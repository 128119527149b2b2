"""What is missing is said before anything starts."""

from pathlib import Path

import pytest

from data_specs.cluster import component_catalogue
from data_specs.params import load_params
from tasks.align import task
from tasks.align.set_up import check_set_up
from tasks.artefacts import Workspace

SERVER = ("align.mesh.kind=hunyuan3d", "align.mesh.server_model=any", "align.batch=8", "align.mesh.queue_limit=4")
RAY = ("execution.backend=ray", "execution.workers=4")


def checked(*overrides: str) -> str:
    return check_set_up(load_params("tiny", overrides))


def test_models_on_a_gpu_need_workers_that_have_one() -> None:
    with pytest.raises(ValueError, match=r"align\.depth\.device=cuda: needs a GPU"):
        checked(*RAY, "align.depth.device=cuda")
    assert checked(*RAY, "align.depth.device=cuda", "execution.gpus_per_worker.align=0.25") == ""


def test_somebody_must_find_the_poses() -> None:
    found = "align.pose.kind=foundation_pose"
    with pytest.raises(ValueError, match=r"needs align\.pose\.command.*align\.pose\.by_hand=true: each picture then waits 300 s"):
        checked(found)
    with pytest.raises(ValueError, match=r"names no \{scene\} or \{scenes\}"):
        checked(found, "align.pose.command=[python, run_demo.py]")
    for given in ("align.pose.by_hand=true", "align.pose.command=[run, '--scene={scene}']", "align.pose.command=[run, '{scenes}']"):
        assert checked(found, given) == ""


def test_shards_record_what_somebody_said_of_the_server() -> None:
    with pytest.raises(ValueError, match=r"needs align\.mesh\.server_model: the --model_path and --subfolder"):
        checked("align.mesh.kind=hunyuan3d")


@pytest.mark.parametrize(
    ("overrides", "fits"),
    [
        (RAY, False),  # 16 at once, one server makes 10 in time
        ((*RAY, "execution.workers=2"), True),
        ((*RAY, "align.mesh.queue_limit=2"), True),
        ((*RAY, "align.mesh.url=[http://a:1,http://b:1]"), True),
        ((*RAY, "align.mesh.timeout_s=960"), True),
        ((*RAY, "align.mesh.expected_s=30"), True),
        (("execution.shards_in_flight=3",), False),
        (("execution.shards_in_flight=3", "align.batch=3"), True),
    ],
)
def test_nobody_waits_in_a_queue_for_longer_than_there_is_time(overrides: tuple[str, ...], fits: bool) -> None:
    if fits:
        assert checked(*SERVER, *overrides) == ""
        return
    with pytest.raises(ValueError, match=r"1 mesh server\(s\) make 10 meshes of 60 s .* in 600 s.* workers may ask for 4 at a time"):
        checked(*SERVER, *overrides)


def test_of_an_unknown_cluster_it_is_said_how_many_workers_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert "enough for 2 workers that ask for 4 at a time" in checked(*SERVER, "execution.backend=ray", "execution.workers=0")


def test_planning_checks_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"align\.pose\.command"):
        task.plan(Workspace(tmp_path, "tiny"), load_params("tiny", ["align.pose.kind=foundation_pose"]))


def test_a_mesh_is_expected_to_take_as_long_as_the_estimate_for_a_cluster_says() -> None:
    assert load_params("paper").align.mesh.expected_s == component_catalogue()["mesh"]["hunyuan3d"].gpu_s
