"""The description of a cluster: what it means, and what is said when it does not read."""

import pytest

from data_specs.cluster import gpu_catalogue, measured_rates, parse_cluster


def test_a_cluster_is_read() -> None:
    cluster = parse_cluster("nodes=8, gpus=4,gpu=h100,cores=64")
    assert (cluster.all_gpus, cluster.all_cores) == (32, 512)
    assert parse_cluster("gpus=1,gpu=l4").all_cores == gpu_catalogue().cores_per_gpu
    assert measured_rates().render_core_s_per_megapixel > 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nodes=8", "gpus"),
        ("gpus=8,gpu=h100,disks=2", "disks"),
        ("gpus=none,gpu=h100", "gpus"),
        ("gpus=8,gpu=abacus", "abacus.*h100"),
        ("h100", "h100"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_cluster(text)
