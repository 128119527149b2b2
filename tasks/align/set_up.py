"""What a run needs beside pictures and weights, checked before anything starts: GPUs, somebody who finds poses, enough mesh servers."""

import os

from data_specs.align_params import MeshParams, PoseParams
from data_specs.params import ExecutionParams, Params
from tasks.align.subjects import STAGE
from tasks.gpu_share import check_share

WITH_DEVICE = ("detector", "segmenter", "depth")
"""Roles whose device is a parameter."""


def check_set_up(params: Params) -> str:
    """Something that people should know, "" where there is nothing. Raises ValueError saying what is missing and how it is given."""
    ours = params.align
    on_gpu = [f"align.{role}.device=cuda" for role in WITH_DEVICE if getattr(ours, role).device == "cuda"]
    check_share(params.execution, STAGE, on_gpu)
    if ours.pose.kind == "foundation_pose":
        _check_pose(ours.pose)
    return _check_servers(ours.mesh, ours.batch, params.execution) if ours.mesh.kind == "hunyuan3d" else ""


def _check_pose(pose: PoseParams) -> None:
    if not pose.command and not pose.by_hand:
        raise ValueError(
            "align.pose.kind=foundation_pose needs align.pose.command: how its program is run (infra/README.md). To write poses by hand, "
            f"set align.pose.by_hand=true: each picture then waits {pose.timeout_s:g} s (align.pose.timeout_s)"
        )
    if pose.command and not any("{scene}" in word or "{scenes}" in word for word in pose.command):
        raise ValueError(f"align.pose.command={list(pose.command)} names no {{scene}} or {{scenes}}: it would not know what to look at")


def _check_servers(mesh: MeshParams, batch: int, execution: ExecutionParams) -> str:
    """Whether the last one in a full queue has its mesh in time: what waits too long would be dropped."""
    if "server_model" not in mesh.model_fields_set:
        raise ValueError(
            "align.mesh.kind=hunyuan3d needs align.mesh.server_model: the --model_path and --subfolder that the server was started with "
            "(infra/README.md). Every shard records it, and the server cannot be asked"
        )
    each, room = min(mesh.queue_limit, batch), len(mesh.url) * int(mesh.timeout_s / mesh.expected_s)
    servers = f"{len(mesh.url)} mesh server(s) make {room} meshes of {mesh.expected_s:g} s (align.mesh.expected_s) in {mesh.timeout_s:g} s"
    advice = "give more addresses (align.mesh.url), more time (align.mesh.timeout_s), fewer workers (execution.workers) or a smaller queue_limit"
    workers = _workers(execution)
    if workers is None:
        return f"{servers}: enough for {room // each} workers that ask for {each} at a time; if the cluster has room for more, {advice}"
    if workers * each > room:
        raise ValueError(f"{servers}, but {workers} workers may ask for {each} at a time, and who comes last would be dropped: {advice}")
    return ""


def _workers(execution: ExecutionParams) -> int | None:
    """How many ask at the same time; None where only the cluster knows."""
    if execution.backend == "inline":
        return execution.shards_in_flight
    if execution.workers or "RAY_ADDRESS" in os.environ:
        return execution.workers or None
    return os.cpu_count()
