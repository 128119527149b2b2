"""The estimates for a cluster as a table for people, with everything that was assumed."""

import math

from data_specs.cluster import Cluster, GpuCatalogue, gpu_catalogue, parse_cluster
from data_specs.params import Params
from tasks.artefacts import Workspace
from tasks.cluster_plan import Estimate, plan_cluster

HEADER = ("stage", "items", "core-hours", "GPU-hours", "hours", "disk", "memory of a GPU")
GB = 1e9


def cluster_table(workspace: Workspace, params: Params, cluster_text: str) -> list[str]:
    """The lines of `atelier3d plan --cluster`. Raises ValueError for a cluster that does not read."""
    cluster, catalogue = parse_cluster(cluster_text), gpu_catalogue()
    estimates = plan_cluster(workspace, params, cluster)
    rows = [_row(estimate, cluster, catalogue) for estimate in estimates]
    known = [estimate for estimate in estimates if not estimate.unknown]
    total = Estimate("total", 0, *(sum(getattr(estimate, name) for estimate in known) for name in ("core_hours", "gpu_hours", "disk")))
    return [
        *_assumptions(cluster, catalogue),
        "",
        *_aligned([HEADER, *rows, _row(total, cluster, catalogue)]),
        "",
        *_remarks(estimates, cluster, catalogue),
    ]


def _assumptions(cluster: Cluster, catalogue: GpuCatalogue) -> list[str]:
    gpu = catalogue.gpus[cluster.gpu]
    peaks = f"{gpu.bf16_teraflops:g} TFLOP/s in bf16, {gpu.fp32_teraflops:g} in fp32"
    return [
        f"{cluster.nodes} x {cluster.gpus} {cluster.gpu} ({gpu.memory_gb:g} GB, peak {peaks}: {gpu.source}), {cluster.all_cores} cores.",
        f"These are estimates. GPU-hours: operations of the networks, counted, at {catalogue.utilisation:.0%} of the peak, an assumption; reading",
        "data and exchange between nodes are left out. Core-hours and disk: rates measured on one core (data_specs/catalogue/rates.yaml).",
    ]


def _row(estimate: Estimate, cluster: Cluster, catalogue: GpuCatalogue) -> tuple[str, ...]:
    if estimate.unknown:
        return (estimate.name, "", "not known", "not known", "", "", "")
    hours = estimate.core_hours / cluster.all_cores + estimate.gpu_hours / cluster.all_gpus
    used = sum(estimate.memory.values()) / GB
    over = f" of {catalogue.gpus[cluster.gpu].memory_gb:g}" + (" TOO MUCH" if used > catalogue.gpus[cluster.gpu].memory_gb else "")
    amounts = (_number(estimate.core_hours), _number(estimate.gpu_hours), _number(hours), f"{_number(estimate.disk / GB)} GB")
    return (estimate.name, f"{estimate.items:,}" if estimate.items else "", *amounts, f"{_number(used)} GB{over}" if used else "")


def _remarks(estimates: list[Estimate], cluster: Cluster, catalogue: GpuCatalogue) -> list[str]:
    lines = [f"{estimate.name}: {estimate.unknown}" for estimate in estimates if estimate.unknown]
    lines += [f"{estimate.name}, assumed: {words}" for estimate in estimates for words in estimate.assumed]
    if any(estimate.assumed for estimate in estimates):
        lines.append("assumed times are as published for the GPU they name, not converted to another; no filter is taken to drop a picture")
    for estimate in estimates:
        if estimate.memory:
            lines.append(f"{estimate.name}: memory " + ", ".join(f"{name} {_number(size / GB)} GB" for name, size in estimate.memory.items()))
    if any(sum(estimate.memory.values()) > catalogue.gpus[cluster.gpu].memory_gb * GB for estimate in estimates):
        lines.append("too much: train.strategy=fsdp, more gradient_accumulation, gradient_checkpointing, or features.base spare memory")
    return lines


def _number(value: float) -> str:
    """Two significant digits, which is more than an estimate deserves."""
    if value == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{round(value, 1 - math.floor(math.log10(abs(value)))):,.{digits}f}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))) for row in rows
    ]
