"""Deaths are told from errors that would only come again, whatever else the other workers say."""

import pytest
import torch
import torch.distributed as dist
from ray.exceptions import ActorDiedError, NodeDiedError
from ray.exceptions import OutOfMemoryError as KilledForMemory
from ray.train.v2._internal.exceptions import InsufficientClusterResourcesError, WorkerGroupStartupTimeoutError, WorkerHealthCheckFailedError
from ray.train.v2.api.exceptions import ControllerError, NCCLHangError, TrainingFailedError, WorkerGroupError

from tasks.train.failures import WorkerLost, meaning

DEATH = WorkerHealthCheckFailedError("the worker is gone", ActorDiedError())
CLOSED = RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:34611")
SHAPES = RuntimeError("The size of tensor a (3) must match the size of tensor b (4)")


def failed(*causes: Exception) -> TrainingFailedError:
    return WorkerGroupError("workers failed", dict(enumerate(causes)))


@pytest.mark.parametrize(
    "error",
    [
        failed(DEATH),
        failed(NodeDiedError("node 3 is gone")),
        failed(KilledForMemory("the node ran out of memory")),
        failed(CLOSED, DEATH),
        failed(SHAPES, DEATH),
        failed(CLOSED, CLOSED),
        failed(dist.DistNetworkError("the store does not answer")),
        failed(ConnectionResetError("reset by peer")),
        failed(dist.DistBackendError("ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely.")),
        NCCLHangError("a rank hangs", {}),
        ControllerError(WorkerGroupStartupTimeoutError(2)),
    ],
)
def test_a_lost_worker_is_lost(error: TrainingFailedError) -> None:
    assert type(meaning(error)) is WorkerLost


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (failed(SHAPES), "training failed on worker 0: RuntimeError: The size of tensor a (3) must match"),
        (failed(CLOSED, SHAPES), "training failed on worker 1: RuntimeError: The size of tensor a (3) must match"),
        (failed(torch.OutOfMemoryError("CUDA out of memory")), "training failed on worker 0: OutOfMemoryError: CUDA out of memory"),
        (failed(OSError(28, "No space left on device")), "training failed on worker 0: OSError: [Errno 28] No space left on device"),
        (failed(dist.DistBackendError("NCCL error: invalid usage")), "training failed on worker 0: DistBackendError: NCCL error: invalid usage"),
        (ControllerError(InsufficientClusterResourcesError("8 GPUs are not there")), "on the controller: InsufficientClusterResourcesError: 8 GPUs"),
    ],
)
def test_an_error_that_would_only_come_again_keeps_its_message(error: TrainingFailedError, told: str) -> None:
    found = meaning(error)
    assert type(found) is RuntimeError and told in str(found)


@pytest.mark.parametrize(
    ("error", "told"), [(failed(CLOSED, ValueError("learning_rate")), "learning_rate"), (failed(DEATH, KeyError("x")), "KeyError: 'x'")]
)
def test_a_mistake_counts_before_everything_else(error: TrainingFailedError, told: str) -> None:
    found = meaning(error)
    assert type(found) is ValueError and str(found) == told
