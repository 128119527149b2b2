"""Which blocks and timesteps sample in the synthetic domain (SPEC R9): B_max first, then t_max, on held-out assets."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data_specs.params import Params
from data_specs.suite import NEVER, SuiteRow
from models.image_codec import encode_png
from tasks.artefacts import Workspace, write_atomic
from tasks.evaluate.cells import Cell, Samplers
from tasks.evaluate.evaluation import METRICS
from tasks.evaluate.suite_measures import SuiteMeasures, open_suite_measures
from tasks.evaluate.surface import surface_of
from tasks.progress import Progress

FOLDER, PICTURE = "tuning", "grid.png"
LAYER_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4)
TIME_THRESHOLDS = (1000, 950, 900, 850, 800)
"""From the least shifting to the most; sampling starts at 999, so that 1000 shifts no timestep."""

CONTROL, REALISM = "consistency_psnr", ("fid", "base")
SHOWN_ASSETS, LABEL_PIXELS = 3, 16


@dataclass(frozen=True)
class Trial:
    """A setting and what it gives. control: consistency in dB, higher is better. realism: distance to the base's pictures, lower is better."""

    layer_share: float
    time_threshold: int
    control: float
    realism: float

    def loss(self, unshifted: "Trial") -> float:
        """By how much the distance exceeds that of sampling without shifting, as a share of it."""
        return self.realism / unshifted.realism - 1.0

    def within(self, unshifted: "Trial", tolerance: float) -> bool:
        """Whether the loss is at most `tolerance`."""
        return self.realism <= (1.0 + tolerance) * unshifted.realism


def choose(trials: list[Trial], unshifted: Trial, tolerance: float) -> Trial:
    """The most controllable trial whose realism loss is at most `tolerance`; of equals the first, and without any the first of all.

    trials: from the least shifting to the most.
    """
    return max((trial for trial in trials if trial.within(unshifted, tolerance)), key=lambda trial: trial.control, default=trials[0])


def tune(workspace: Workspace, params: Params, samplers: Samplers) -> Path:
    """Measure the grid for `evaluate.run` and write `data/<size>/evaluate/tuning`; returns the path of its `metrics.json`.

    Raises ValueError saying what to run first when the model or the data is missing, and for a model whose views have no consistency.
    """
    ours, tolerance = params.evaluate, params.evaluate.tuning.tolerance
    held_out = ours.model_copy(update={"split": ours.tuning.split, "max_assets": ours.tuning.max_assets})
    grid = _Grid(workspace, params.model_copy(update={"evaluate": held_out}), samplers)
    with Progress(workspace, "tuning", len(LAYER_SHARES) + len(TIME_THRESHOLDS) - 1) as progress:
        by_layer = [grid.trial(share, TIME_THRESHOLDS[0], progress) for share in LAYER_SHARES]
        unshifted = by_layer[0]
        layer = choose(by_layer, unshifted, tolerance)
        by_time = [layer, *(grid.trial(layer.layer_share, threshold, progress) for threshold in TIME_THRESHOLDS[1:])]
    record = {
        "run": ours.run,
        "weights_sha256": grid.weights,
        "assets": grid.measures.identity["assets"],
        "wanted_assets": held_out.max_assets,
        "split": held_out.split,
        "tolerance": tolerance,
        "surface": grid.measures.identity["surface"],
        "realism": grid.realism,
        "sweeps": {"layer_share": _rows(by_layer, unshifted), "time_threshold": _rows(by_time, unshifted)},
        "chosen": _rows([choose(by_time, unshifted, tolerance)], unshifted)[0],
    }
    folder = workspace.folder("evaluate") / FOLDER
    write_atomic(folder / PICTURE, encode_png(grid.picture([*by_layer, *by_time[1:]])))
    write_atomic(folder / METRICS, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return folder / METRICS


def describe(metrics: Path) -> str:
    """The grid and the choice, for a terminal."""
    record = json.loads(metrics.read_bytes())
    chosen, used = record["chosen"], len(record["assets"])
    few = f" (of {record['wanted_assets']} wanted: the split has no more)" if used < record["wanted_assets"] else ""
    lines = [f"Tuning of {record['run']} on {used} assets of the {record['split']} split{few}; at most {record['tolerance']:.0%} realism may be lost"]
    lines.append(f"  {'B_max':>6} {'t_max':>6} {'PSNR, dB':>9} {record['realism']:>15} {'loss':>7}")
    for name, title in (("layer_share", "B_max, without shifting of timesteps"), ("time_threshold", "t_max, at the B_max chosen")):
        lines.append(f"  {title}:")
        lines += [_line(trial, chosen) for trial in record["sweeps"][name]]
    lines.append(f"  --set evaluate.layer_share={chosen['layer_share']} --set evaluate.time_threshold={chosen['time_threshold']}")
    return "\n".join(lines)


class _Grid:
    """Cells of one model at many settings."""

    def __init__(self, workspace: Workspace, params: Params, samplers: Samplers) -> None:
        self.workspace, self.params, self.samplers = workspace, params.evaluate, samplers
        surface = surface_of(workspace.folder("train") / params.evaluate.run / "model")
        if surface == "none":
            raise ValueError(f"{params.evaluate.run} makes single pictures, which have no consistency to tune for (SPEC R9)")
        self.measures: SuiteMeasures = open_suite_measures(workspace, params, samplers.base(), surface)
        self.realism = self.measures.chosen.naming.metric(*REALISM)
        self.weights = self._cell(0.0, NEVER).weights

    def trial(self, layer_share: float, time_threshold: int, progress: Progress) -> Trial:
        """Sample and measure a setting, unless that has been done."""
        found = self._cell(layer_share, time_threshold).fill(self.measures, self.samplers)
        progress.advance(1, f"B_max {layer_share:.0%}, t_max {time_threshold}")
        return Trial(layer_share, time_threshold, found[CONTROL]["value"], found[self.realism]["value"])

    def picture(self, trials: list[Trial]) -> np.ndarray:
        """A labelled row of the first assets' views for each setting, (H, W, 3) uint8."""
        return np.concatenate([self._strip(trial) for trial in trials])

    def _strip(self, trial: Trial) -> np.ndarray:
        cell = self._cell(trial.layer_share, trial.time_threshold)
        pictures = cell.pictures(self.measures)
        views = np.concatenate([pictures.read(subject, cell.mode) for subject in self.measures.subjects[:SHOWN_ASSETS]])
        row = np.concatenate(list(views), axis=1)
        label = np.full((LABEL_PIXELS, row.shape[1], 3), 255, np.uint8)
        text = f"B_max {trial.layer_share:.0%} t_max {trial.time_threshold}: {trial.control:.1f} dB, {self.realism} {trial.realism:.4g}"
        cv2.putText(label, text, (2, LABEL_PIXELS - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
        return np.concatenate([label, row])

    def _cell(self, layer_share: float, time_threshold: int) -> Cell:
        described = {"name": "trial", "title": "trial", "run": self.params.run, "layer_share": layer_share, "time_threshold": time_threshold}
        return Cell(self.workspace, self.params, SuiteRow.model_validate(described))


def _rows(trials: list[Trial], unshifted: Trial) -> list[dict[str, Any]]:
    return [{**asdict(trial), "loss": trial.loss(unshifted)} for trial in trials]


def _line(trial: dict[str, Any], chosen: dict[str, Any]) -> str:
    numbers = f"{trial['layer_share']:>6.0%} {trial['time_threshold']:>6} {trial['control']:>9.2f} {trial['realism']:>15.4g} {trial['loss']:>+7.1%}"
    return f"  {numbers}" + ("  <- chosen" if trial == chosen else "")
