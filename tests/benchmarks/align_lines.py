"""Planning and publishing 40,000 lines of Subjects200K with the stage `align`: seconds, memory, and the size of the manifest.

The pictures are left out: every second line becomes an empty sample, the other one is dropped by a rule. What is measured is what grows with lines.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from tests.tasks.align.subjects200k_files import SCHEMA

LINES, ROWS_A_FILE = 40_000, 10_000

STAGE = """
import resource, sys, time
from data_specs.decision import Decision
from data_specs.params import load_params
from data_specs.sample import Sample
from tasks.align import shard_sets, task
from tasks.align.work_item import Aligned
from tasks.artefacts import Workspace
from tasks.fan_out import Pool

def nothing(job):
    found = []
    for line in job.lines:
        asked = dict(item_id=line.subject_id, stage="align", rule="silhouette_iou", score=0.512345, threshold=0.744)
        message = "overlap of the outlines of mask and posed mesh: 0.512, asked at least 0.744 (align.filters.silhouette_iou)"
        kept = line.panel == 0
        said = [Decision(verdict="kept", **asked) if kept else Decision(verdict="dropped", message=message, **asked)]
        found.append(Aligned(line.subject_id, Sample(line.subject_id, {"subject.json": b"{}"}) if kept else None, said))
    return found

workspace, doing = Workspace.open("paper", sys.argv[1]), sys.argv[3]
kinds = ["detector.kind=contrast", "segmenter.kind=grab_cut", "background.kind=cut_out", "depth.kind=channel", "appearance.kind=micro"]
devices = [role + ".device=cpu" for role in ("detector", "segmenter", "depth")]
places = ["location=" + sys.argv[2], "count=100000000", "batch=64", "mesh.kind=hunyuan3d", "mesh.server_model=none", "pose.kind=render_and_compare"]
params = load_params("paper", ["execution.backend=inline", "execution.shards_in_flight=1", *("align." + one for one in [*kinds, *devices, *places])])
started = time.perf_counter()
plans = task.plan(workspace, params)
if doing == "build":
    shard_sets.align_lines = nothing
    with Pool(params.execution) as pool:
        for plan in plans:
            task.build.fn(workspace, params, plan, pool)
if doing == "publish":
    started = time.perf_counter()
    task.publish(workspace, params, plans)
print(sum(len(one.inputs) for one in plans), time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "subjects200k"
        _write_rows(source, LINES // 2)
        for doing in ("plan", "build", "publish"):
            done = subprocess.run([sys.executable, "-c", STAGE, folder, str(source), doing], stdout=subprocess.PIPE, text=True, check=True)
            lines, seconds, megabytes = done.stdout.split()[-3:]
            if doing != "build":  # there to have something to publish
                rows.append(f"{doing}: {lines} lines in {float(seconds):.1f} s, {float(megabytes):.0f} MB at most")
                print(rows[-1], flush=True)
        rows.append(f"manifest: {(Path(folder) / 'data/paper/align/manifest.json').stat().st_size / 1e6:.0f} MB")
        print(rows[-1], flush=True)
    return rows


def _write_rows(folder: Path, count: int) -> None:
    """Rows without pictures, captions as long as published ones."""
    folder.mkdir()
    for start in range(0, count, ROWS_A_FILE):
        table = pa.Table.from_pylist([_row(number) for number in range(start, min(start + ROWS_A_FILE, count))], SCHEMA)
        parquet.write_table(table, folder / f"train-{start:06d}.parquet")


def _row(number: int) -> dict:
    scene = "An eye-catching {item} rests on a wooden table by the window, in soft light from the left, beside a folded cloth and a cup."
    named = {"item": f"Ceramic teapot of kind {number}", "category": "Household items", "description_valid": True}
    described = {f"description_{panel}": scene.format(**named) for panel in (0, 1)}
    best = {"compositeStructure": 5, "objectConsistency": 5, "imageQuality": 5}
    return {"image": None, "collection": "collection_2", "quality_assessment": best, "description": named | described}
