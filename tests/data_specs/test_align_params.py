"""Parameters of `align` that must fit each other: the time for a batch outlasts what it waits for."""

import pytest

from data_specs.params import load_params

SERVERS = ("align.mesh.kind=hunyuan3d", "align.pose.kind=foundation_pose", "align.batch=7", "align.mesh.queue_limit=2")
WAITS_S = (1 + 4) * 600.0 + (1 + 7) * 300.0


def test_a_batch_has_the_time_that_its_meshes_and_poses_may_take() -> None:
    assert load_params("tiny", SERVERS).align.batch_timeout_s > WAITS_S
    assert load_params("paper").align.batch_timeout_s > 2 * 600.0 + 8 * 300.0
    assert load_params("tiny", ["align.timeout_s=9"]).align.batch_timeout_s == 9.0, "nobody is waited for"


@pytest.mark.parametrize(("given", "fits"), [(600.0, False), (WAITS_S, False), (WAITS_S + 1.0, True)])
def test_a_time_that_a_batch_may_outlast_is_refused(given: float, fits: bool) -> None:
    overrides = [*SERVERS, f"align.timeout_s={given}"]
    if fits:
        assert load_params("tiny", overrides).align.batch_timeout_s == given
        return
    with pytest.raises(ValueError, match=r"align\.timeout_s: .*wait 3000 s for meshes.* and 2400 s for poses.*more than 5400, or 0"):
        load_params("tiny", overrides)


@pytest.mark.parametrize(("given", "urls"), [("http://a:1", ("http://a:1",)), ("[http://a:1,http://b:2]", ("http://a:1", "http://b:2"))])
def test_one_address_or_several(given: str, urls: tuple[str, ...]) -> None:
    assert load_params("tiny", [f"align.mesh.url={given}"]).align.mesh.url == urls
