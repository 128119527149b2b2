"""What the machinery costs when the work costs nothing: fan-out and ledger per asset, memory over time, planning a long catalogue.

The time per asset is a slope, from 500 assets to 2,000: what a run pays once (starting Ray and its workers) is printed on its own.
"""

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import psutil

from data_specs.decision import Decision
from data_specs.ids import sha256_bytes
from data_specs.params import ExecutionParams
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.shard_builder import build_shard

ITEMS, FEWER, SHARD_ITEMS, SHARDS_IN_FLIGHT = 2000, 500, 50, 2
LIMIT_MS = {"inline": 2.0, "ray": 5.0}
GROWTH_MB = 30.0
LINES, PLAN_S, PLAN_MB = 120_000, 60.0, 500.0

PLAN = """
import resource, sys, time
from pathlib import Path
from data_specs.params import load_params
from tasks.artefacts import Workspace
from tasks.assets.task import WORD, plan
from tasks.ledger import Ledger
workspace = Workspace.open("paper", sys.argv[1])
params = load_params("paper", ["assets.location=" + sys.argv[2]])
started = time.perf_counter()
plans = plan(workspace, params)
pending = Ledger(workspace.folder(WORD), WORD).pending(plans)
seconds = time.perf_counter() - started
print(len(pending), sum(len(one.inputs) for one in plans), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def nothing(name: str) -> tuple[Sample | None, list[Decision]]:
    """An asset that takes no time."""
    return Sample(name, {"asset.json": b"{}"}), []


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    rows = [row for measured in (_per_asset("inline"), _per_asset("ray"), _planning()) for row in measured]
    print("\n".join(rows), flush=True)
    return rows


def _per_asset(backend: Literal["inline", "ray"]) -> Iterator[str]:
    workers = 2
    with (
        tempfile.TemporaryDirectory() as folder,
        Pool(ExecutionParams(backend=backend, workers=workers, retries=1, recycle_after=100 * ITEMS, shards_in_flight=SHARDS_IN_FLIGHT)) as pool,
    ):
        start = _build(Path(folder) / "warm", pool, 0, workers * SHARD_ITEMS)
        few = _build(Path(folder) / "out", pool, 0, FEWER)
        memory = _memory_mb()
        many = _build(Path(folder) / "out", pool, FEWER, ITEMS)
        growth = _memory_mb() - memory
    each = 1e3 * many / (ITEMS - FEWER)
    yield f"{backend}: {each:.2f} ms per asset, ledger included (limit {LIMIT_MS[backend]:g}) {_verdict(each <= LIMIT_MS[backend])}"
    yield f"{backend}: first {workers * SHARD_ITEMS} assets {start:.1f} s (Ray's start is in it), next {FEWER} {few:.2f} s"
    yield f"{backend}: {memory:.0f} MB after {FEWER} assets, {growth:+.1f} MB after {ITEMS} (limit +{GROWTH_MB:g}) {_verdict(growth <= GROWTH_MB)}"


def _build(folder: Path, pool: Pool, first: int, last: int) -> float:
    """Seconds to build the shards of items `first` to `last`, a few shards at a time, as the flows do."""
    ledger = Ledger(folder, "assets")

    def build(start: int) -> None:
        plan = ShardPlan(word="assets", split="train", index=start, inputs=[str(start)], params={}, version=1)
        items = [(f"asset-{i}", f"asset-{i}") for i in range(start, start + SHARD_ITEMS)]
        build_shard(ledger, plan, nothing, items, pool, 60.0, "assets")

    started = time.perf_counter()
    with ThreadPoolExecutor(SHARDS_IN_FLIGHT) as threads:
        list(threads.map(build, range(first, last, SHARD_ITEMS)))
    return time.perf_counter() - started


def _memory_mb() -> float:
    """Resident memory of this process and of the Ray workers below it that do the work."""
    process = psutil.Process()
    workers = [child for child in process.children(recursive=True) if "_WorkerProcess" in " ".join(child.cmdline())]
    return sum(one.memory_info().rss for one in (process, *workers)) / 1e6


def _planning() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder) / "catalogue.csv"
        _write_catalogue(catalogue)
        printed = subprocess.run([sys.executable, "-c", PLAN, folder, str(catalogue)], capture_output=True, text=True, check=True).stdout.split()
    shards, lines, seconds, megabytes = int(printed[0]), int(printed[1]), float(printed[2]), float(printed[3])
    yield (
        f"plan: {lines} lines into {shards} shards in {seconds:.1f} s (limit {PLAN_S:g}), {megabytes:.0f} MB at most (limit {PLAN_MB:g}) "
        + _verdict(lines == LINES and seconds <= PLAN_S and megabytes <= PLAN_MB)
    )


def _write_catalogue(path: Path) -> None:
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["url", "sha256", "license"])
        for i in range(LINES):
            writer.writerow([f"https://example.org/objects/{i // 1000:03d}/chair_{i:06d}.glb", sha256_bytes(str(i).encode()), "CC-BY-4.0"])


def _verdict(met: bool) -> str:
    return "ok" if met else "MISSED"
