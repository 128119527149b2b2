"""The stage `align` with its embedded models: core-seconds of each step, pictures per minute on two cores, and bytes of a sample.

Pictures are composed of the real meshes beside the checkout, else of procedural ones; composing them is not counted. Steps are timed on one
core, the process that reads meshes included, each without what it calls of the others; what a worker pays once (drawing the catalogue that
`nearest_asset` searches) is a row of its own. Then the whole stage runs on two Ray workers, by the clock: that row wants an idle machine.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import psutil
import torch

from data_specs.params import Params, load_params
from models.geometry.glb_reader import read_glb
from models.metrics.perceptual import MicroDistance
from tasks.align import alignment, samples, task, work_item
from tasks.align.mesh_preparation import MeshPreparation
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.ledger import read_manifest, shard_path
from tests.benchmarks._meshes import clean_glbs
from tests.tasks.asset_folder import write_assets

PICTURES, SIZES = 16, (256, 512)
ASIDE = ("compose", "open models")
"""Not part of what a picture costs: made for the benchmark alone, and paid once by each worker."""


@dataclass
class Watch:
    """Core-seconds by name, and how often each was done; a step's time is without that of the steps it calls."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _inner: list[float] = field(default_factory=list)

    def around(self, name: str, work: Callable[..., Any], items: Callable[..., int] = lambda *_: 1) -> Callable[..., Any]:
        """A function that is timed as `name`. items: how often a call counts."""

        def timed(*arguments: Any, **named: Any) -> Any:
            start = _processor_s()
            self._inner.append(0.0)
            try:
                return work(*arguments, **named)
            finally:
                took, inner = _processor_s() - start, self._inner.pop()
                self.seconds[name] += took - inner
                self.calls[name] += items(*arguments)
                if self._inner:
                    self._inner[-1] += took

        return timed


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    what, glbs = clean_glbs(PICTURES)
    meshes = {f"mesh{number:02d}": (read_glb(glb), None) for number, glb in enumerate(glbs)}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        workspace = write_assets(Path(folder), meshes, "test")
        parts = [lambda size=size: _steps(workspace, what, size) for size in SIZES]
        for part in [*parts, lambda: [_on_two_workers(workspace, SIZES[0])]]:
            rows += (new := part())
            print("\n".join(new), flush=True)
    return rows


def _params(size_pixels: int, *more: str) -> Params:
    sizes = [f"align.{name}={size_pixels}" for name in ("size_pixels", "view_pixels", "composed.size_pixels")]
    counts = [f"align.{name}={PICTURES}" for name in ("count", "shard_items")]
    return load_params("micro", [*sizes, *counts, "align.plan=turntable8", "align.further_folder=''", *more])


def _steps(workspace: Workspace, what: str, size_pixels: int) -> list[str]:
    """A row for each step, most time first."""
    params = _params(size_pixels, "execution.backend=inline")
    with _timed() as watch:
        _build(workspace, params)
    manifest = read_manifest(workspace.folder("align"))
    counted = {name: seconds for name, seconds in watch.seconds.items() if name not in ASIDE}
    total = sum(counted.values())
    kept = [shard_path(workspace.folder("align"), row).stat().st_size for row in manifest.shards]
    return [
        f"{PICTURES} pictures of {what}, {size_pixels} px, 8 views of {size_pixels} px",
        f"  {total / PICTURES:5.2f} core-seconds a picture: {2 * 60 * PICTURES / total:5.1f} pictures per minute on 2 cores;"
        f" {manifest.samples()} kept, {sum(kept) / 1e6 / max(1, manifest.samples()):.2f} MB each",
        f"  {'step':<22}{'share':>6}{'times':>8}{'s each':>9}",
        *(_row(name, seconds / total, watch) for name, seconds in sorted(counted.items(), key=lambda pair: -pair[1])),
        f"  once for each worker: {watch.seconds['open models']:.1f} core-seconds to open the models",
    ]


def _row(name: str, share: float, watch: Watch) -> str:
    return f"  {name:<22}{100 * share:5.0f}%{watch.calls[name]:>8}{watch.seconds[name] / watch.calls[name]:9.3f}"


def _on_two_workers(workspace: Workspace, size_pixels: int) -> str:
    """The stage as it runs: the clock from the first picture to the last, and what starting Ray and its workers took before."""
    first, rest = _params(size_pixels, "align.count=2", "seed=1"), _params(size_pixels, "seed=2")
    with Pool(rest.execution) as pool:
        start = time.perf_counter()
        _build(workspace, first, pool)
        begun = time.perf_counter()
        _build(workspace, rest, pool)
        took = time.perf_counter() - begun
    return (
        f"two Ray workers, {size_pixels} px, composing included: {60 * PICTURES / took:.1f} pictures per minute by the clock;"
        f" start and first two pictures {begun - start:.0f} s"
    )


def _build(workspace: Workspace, params: Params, pool: Pool | None = None) -> None:
    plans = task.plan(workspace, params)
    with ExitStack() as stack:
        running = pool or stack.enter_context(Pool(params.execution))
        for plan in plans:
            task.build.fn(workspace, params, plan, running)
    task.publish(workspace, params, plans)


@contextmanager
def _timed() -> Iterator[Watch]:
    """Every step of the pipeline on a watch."""
    watch = Watch()
    steps = tuple(replace(step, work=watch.around(step.name, step.work, lambda candidates, _: len(candidates))) for step in alignment.STEPS)
    parts = [
        (work_item, "open_models", "open models"),
        (work_item, "compose", "compose"),
        (MeshPreparation, "prepare", "prepare mesh"),
        (MicroDistance, "__call__", "appearance"),
        (work_item, "make_sample", "turntable"),
        (work_item, "check_sample", "verify"),
        (work_item, "preview_jpeg", "preview"),
    ]
    with ExitStack() as stack:
        stack.enter_context(patch.object(alignment, "STEPS", steps))
        for place, name, title in parts:
            stack.enter_context(patch.object(place, name, watch.around(title, getattr(place, name))))
        once = watch.around("filters", alignment.apply_filters, lambda after, *_: after == "line")
        stack.enter_context(patch.object(alignment, "apply_filters", once))
        for name in ("encode_png", "encode_position", "write_glb"):
            one = watch.around("encode", getattr(samples, name), lambda *_, name=name: name == "write_glb")
            stack.enter_context(patch.object(samples, name, one))
        yield watch


def _processor_s() -> float:
    """Processor time of this process and of those it has started."""
    children = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(child.user + child.system for child in children)
