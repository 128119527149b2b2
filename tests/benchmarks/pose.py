"""Pose by render and compare on what was held out of its tuning: procedural objects of other categories, and all real meshes, turned at random.

Scenes have clutter, depth noise and depth of unknown scale (`models/perception/scene_composer.py`). Errors as the BOP toolkit computes them;
a rotation counts up to the symmetries of shape and colours. Processor time on one thread, the preparation of the mesh included.
"""

import os
from collections import defaultdict
from unittest.mock import patch

import cv2
import numpy as np

from models.perception.scene_composer import compose_pose
from tests.benchmarks._pose_cases import Errors, held_out_meshes, measure, real_meshes, truth_of

OCCLUSION = 0.3
SEEDS, SCENE_SEED = range(900, 902), 7
KINDS = ("with depth", "with depth, 30 % hidden", "without depth")

Table = dict[str, list[Errors]]


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with patch.dict(os.environ, OMP_NUM_THREADS="1"):
        tables = {kind: _by_class(meshes) for kind, meshes in (("procedural", held_out_meshes(SEEDS)), ("real", real_meshes()))}
    cv2.setNumThreads(threads)
    rows = [row for kind, table in tables.items() if table for row in _rows(kind, table)]
    print("\n".join(rows), flush=True)
    return rows


def _by_class(meshes) -> dict[str, Table]:
    """Errors by class of object and kind of problem."""
    found: dict[str, Table] = defaultdict(lambda: {kind: [] for kind in KINDS})
    for name, category, mesh in meshes:
        truth = truth_of(mesh)
        clean, hidden = (compose_pose(mesh, name, SCENE_SEED, share) for share in (0.0, OCCLUSION))
        for kind, scene, with_depth in zip(KINDS, (clean, hidden, clean), (True, True, False)):
            found[category][kind].append(measure(scene, with_depth, truth))
    return found


def _rows(kind: str, classes: dict[str, Table]) -> list[str]:
    total = {name: [errors for table in classes.values() for errors in table[name]] for name in KINDS}
    head = [
        f"{kind} objects: recall in %. ADD-S, ADD: below 10 % of the diameter; 15 deg: rotation; px: median projection error",
        f"{'':<20}{'':>4}  " + "  ".join(f"{name:^32}" for name in KINDS),
        f"{'class':<20}{'n':>4}  " + "  ".join(f"{'ADD-S':>8}{'ADD':>8}{'15 deg':>8}{'px':>8}" for _ in KINDS),
    ]
    lines = [_line(name, table) for name, table in sorted(classes.items())]
    return [*head, *lines, _line("all", total), *(_summary(name, errors) for name, errors in total.items())]


def _line(name: str, table: Table) -> str:
    cells = []
    for errors in table.values():
        shares = [np.mean([one.add_s < 0.1 for one in errors]), np.mean([one.add < 0.1 for one in errors])]
        shares.append(np.mean([one.rotation_degrees <= 15.0 for one in errors]))
        cells.append("".join(f"{100 * share:8.0f}" for share in shares) + f"{np.median([one.pixels for one in errors]):8.1f}")
    return f"{name:<20}{len(errors):>4}  " + "  ".join(cells)


def _summary(name: str, errors: list[Errors]) -> str:
    """Time, and whether confidence tells right from wrong."""
    sure = {right: [one.confidence for one in errors if one.right == right] for right in (True, False)}
    means = {right: f"{np.mean(values):.2f}" if values else "-" for right, values in sure.items()}
    seconds = [one.seconds for one in errors]
    return (
        f"  {name}: {np.mean(seconds):.2f} s per object, at most {np.max(seconds):.2f} (asked: under 3);"
        f" mean confidence of the {len(sure[True])} right {means[True]}, of the {len(sure[False])} wrong {means[False]}"
    )
