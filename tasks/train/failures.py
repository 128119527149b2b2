"""What a failed training on Ray means: a worker that was lost and may be replaced, or an error that would only come again."""

from collections.abc import Mapping

import torch.distributed as dist

MISTAKES = (ValueError, TypeError, LookupError, AttributeError, AssertionError, ImportError, FileNotFoundError)
"""What a wrong setting, missing data or wrong code raises."""

LOST_PEER = ("gloo/transport", "remote process exited", "ncclRemoteError", "communicator was aborted")
"""In what gloo and NCCL say when the process at the other end is gone: they raise nothing but RuntimeErrors."""


class WorkerLost(RuntimeError):  # noqa: N818 - it says what happened
    """A worker or its node died, hung or was taken away: going on from the last checkpoint makes sense."""


def meaning(error: Exception) -> Exception:
    """A `TrainingFailedError` of Ray Train in plain words: WorkerLost, ValueError for a mistake, RuntimeError for anything else.

    Where one worker dies, others fail with it; where one makes a mistake, the others lose it. So a mistake counts before a death, a death before
    any other error, and that others are gone counts only where nobody says more.
    """
    causes = _causes(error)
    mistake = next((cause for cause in causes.values() if isinstance(cause, MISTAKES)), None)
    if mistake is not None:
        return ValueError(str(mistake) if isinstance(mistake, ValueError) else f"{type(mistake).__name__}: {mistake}")
    if isinstance(error, _taken_away()) or any(isinstance(cause, _deaths()) for cause in causes.values()):
        return WorkerLost(str(error))
    own = {where: cause for where, cause in causes.items() if not _lost_its_peer(cause)}
    if causes and not own:
        return WorkerLost(str(error))
    where, cause = next(iter(own.items()), ("Ray", error))
    return RuntimeError(f"training failed on {where}: {type(cause).__name__}: {cause}")


def _causes(error: Exception) -> Mapping[str, Exception]:
    """Who failed -> with what."""
    workers = {f"worker {rank}": cause for rank, cause in getattr(error, "worker_failures", {}).items()}
    controller = getattr(error, "controller_failure", None)
    return workers | ({"the controller": controller} if controller is not None else {})


def _lost_its_peer(cause: Exception) -> bool:
    """Whether all that an error says is that another process is gone, or that the network is. Python and torch have types for some of it."""
    if isinstance(cause, ConnectionError | TimeoutError | dist.DistNetworkError):
        return True
    return isinstance(cause, RuntimeError) and any(words in str(cause) for words in LOST_PEER)


def _taken_away() -> tuple[type[Exception], ...]:
    from ray.train.v2.api.exceptions import NCCLHangError, PreemptionError

    return NCCLHangError, PreemptionError


def _deaths() -> tuple[type[Exception], ...]:
    """What Ray raises for workers and nodes that are gone, and what Ray Train itself tries again."""
    from ray import exceptions
    from ray.train.v2._internal.exceptions import (
        WorkerGroupStartupFailedError,
        WorkerGroupStartupTimeoutError,
        WorkerHealthCheckFailedError,
        WorkerHealthCheckTimeoutError,
    )

    health = (WorkerHealthCheckFailedError, WorkerHealthCheckTimeoutError, WorkerGroupStartupFailedError, WorkerGroupStartupTimeoutError)
    processes = (exceptions.RayActorError, exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.LocalRayletDiedError)
    return (*health, *processes, exceptions.OutOfMemoryError, exceptions.ObjectLostError)
