"""A training run on Ray Train V2: the same loop in worker processes, restarted from the last checkpoint when one dies."""

import os
from collections.abc import Callable
from typing import Any

import torch

from data_specs.params import TrainParams
from tasks.ray_life import start_ray, stop_ray, worker_environment
from tasks.train.failures import WorkerLost, meaning
from tasks.train.job import TrainJob
from tasks.train.loop import train
from tasks.train.worker import Worker

ENVIRONMENT = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS": "0",
}
"""With these Ray Train starts in 10 s instead of 20, stays in the working directory and is quiet."""


def train_on_ray(job: TrainJob, params: TrainParams) -> None:
    """Run the loop on `params.workers` Ray workers until its last step; up to `params.max_failures` deaths are survived.

    Raises ValueError at once for a mistake in settings, data or code, RuntimeError at once for an error that would only come again, WorkerLost when
    workers die more often.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    start_ray(params.workers * params.cpus_per_worker)  # before any import of Ray: it decides how Ray authenticates
    try:
        retry_deaths(lambda: _fit(job, params), params.max_failures)
    finally:
        stop_ray()


def retry_deaths(fit: Callable[[], None], max_failures: int) -> None:
    """Call `fit` again when it ends with a WorkerLost, at most `max_failures` times; any other error is raised at once.

    Ray's own counter takes mistakes for deaths. Each call goes on from the last checkpoint, as Ray's own restart would.
    """
    for failures in range(max_failures + 1):
        try:
            return fit()
        except WorkerLost as error:
            if failures == max_failures:
                raise
            print(f"train: a worker died ({failures + 1} of at most {max_failures}), going on from the last checkpoint: {error}", flush=True)


def _fit(job: TrainJob, params: TrainParams) -> None:
    from ray.train.v2.api.config import FailureConfig, LoggingConfig, RunConfig, ScalingConfig
    from ray.train.v2.api.exceptions import TrainingFailedError
    from ray.train.v2.torch.torch_trainer import TorchTrainer

    resources = {"CPU": params.cpus_per_worker} | ({"GPU": params.gpus_per_worker} if params.gpus_per_worker else {})
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job, "threads": params.cpus_per_worker, "strategy": params.strategy},
        scaling_config=ScalingConfig(num_workers=params.workers, use_gpu=params.gpus_per_worker > 0, resources_per_worker=resources),
        run_config=RunConfig(
            name=job.id,
            storage_path=str(job.folder / "ray"),
            failure_config=FailureConfig(max_failures=0),
            logging_config=LoggingConfig(log_level="WARNING"),
            worker_runtime_env=worker_environment(params.cpus_per_worker),
        ),
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        raise meaning(error) from error


def _work(config: dict[str, Any]) -> None:
    """What each Ray worker runs."""
    import ray.train
    from ray.train.torch import get_device

    torch.set_num_threads(config["threads"])
    context = ray.train.get_context()
    worker = Worker(context.get_world_rank(), context.get_world_size(), get_device(), config["strategy"])
    train(config["job"], worker, lambda row: ray.train.report(row))
