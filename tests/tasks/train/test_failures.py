"""Deaths are told from errors that would only come again, whatever else the other workers say."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist

from tasks.train.failures import WorkerLost, meaning

CLOSED = RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:34611")
SHAPES = RuntimeError("The size of tensor a (3) must match the size of tensor b (4)")

Raised = Callable[[SimpleNamespace], Exception]
"""An error made of Ray's classes."""


@pytest.fixture
def ray() -> SimpleNamespace:
    """Ray's errors, imported when a test runs: an import at collection would settle for the whole session how Ray authenticates."""
    from ray.exceptions import ActorDiedError, NodeDiedError, OutOfMemoryError
    from ray.train.v2._internal import exceptions as internal
    from ray.train.v2.api.exceptions import ControllerError, NCCLHangError, WorkerGroupError

    return SimpleNamespace(
        death=internal.WorkerHealthCheckFailedError("the worker is gone", ActorDiedError()),
        node_died=NodeDiedError("node 3 is gone"),
        killed_for_memory=OutOfMemoryError("the node ran out of memory"),
        hang=NCCLHangError("a rank hangs", {}),
        slow_start=ControllerError(internal.WorkerGroupStartupTimeoutError(2)),
        too_small=ControllerError(internal.InsufficientClusterResourcesError("8 GPUs are not there")),
        failed=lambda *causes: WorkerGroupError("workers failed", dict(enumerate(causes))),
    )


@pytest.mark.parametrize(
    "raised",
    [
        lambda ray: ray.failed(ray.death),
        lambda ray: ray.failed(ray.node_died),
        lambda ray: ray.failed(ray.killed_for_memory),
        lambda ray: ray.failed(CLOSED, ray.death),
        lambda ray: ray.failed(SHAPES, ray.death),
        lambda ray: ray.failed(CLOSED, CLOSED),
        lambda ray: ray.failed(dist.DistNetworkError("the store does not answer")),
        lambda ray: ray.failed(ConnectionResetError("reset by peer")),
        lambda ray: ray.failed(
            dist.DistBackendError("ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely.")
        ),
        lambda ray: ray.hang,
        lambda ray: ray.slow_start,
    ],
)
def test_a_lost_worker_is_lost(ray: SimpleNamespace, raised: Raised) -> None:
    assert type(meaning(raised(ray))) is WorkerLost


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (lambda ray: ray.failed(SHAPES), "training failed on worker 0: RuntimeError: The size of tensor a (3) must match"),
        (lambda ray: ray.failed(CLOSED, SHAPES), "training failed on worker 1: RuntimeError: The size of tensor a (3) must match"),
        (lambda ray: ray.failed(torch.OutOfMemoryError("CUDA out of memory")), "training failed on worker 0: OutOfMemoryError: CUDA out of memory"),
        (lambda ray: ray.failed(OSError(28, "No space left")), "training failed on worker 0: OSError: [Errno 28] No space left"),
        (lambda ray: ray.failed(dist.DistBackendError("NCCL error: invalid usage")), "on worker 0: DistBackendError: NCCL error: invalid usage"),
        (lambda ray: ray.too_small, "on the controller: InsufficientClusterResourcesError: 8 GPUs"),
    ],
)
def test_an_error_that_would_only_come_again_keeps_its_message(ray: SimpleNamespace, raised: Raised, told: str) -> None:
    found = meaning(raised(ray))
    assert type(found) is RuntimeError and told in str(found)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (lambda ray: ray.failed(CLOSED, ValueError("learning_rate")), "learning_rate"),
        (lambda ray: ray.failed(ray.death, KeyError("x")), "KeyError: 'x'"),
    ],
)
def test_a_mistake_counts_before_everything_else(ray: SimpleNamespace, raised: Raised, told: str) -> None:
    found = meaning(raised(ray))
    assert type(found) is ValueError and str(found) == told
