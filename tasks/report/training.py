"""Loss curves and the last sampling grid of every training run."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data_specs.params import TrainRun
from tasks.report.chart import Chart, line_chart
from tasks.report.inputs import Inputs, MissingError
from tasks.report.pictures import data_uri, fit

GRID_PIXELS = 640
NOT_DRAWN = {"step", "learning_rate", "gradient_norm"}


def training(inputs: Inputs) -> dict[str, Any]:
    """One block per run of the training sequence, also for those that have not been trained."""
    if not inputs.runs:
        raise MissingError(f"Nothing has been trained yet: atelier3d train --size {inputs.workspace.size}.")
    runs = [_run(inputs, name, record) for name, record in inputs.runs.items()]
    untrained = [name for name in inputs.params.train.sequence if name not in inputs.runs]
    return {"runs": runs, "untrained": untrained}


def _run(inputs: Inputs, name: str, record: dict[str, Any]) -> dict[str, Any]:
    folder = inputs.run_folder(name)
    grid = max((folder / "pictures").glob("step-*.png"), default=None)
    return {
        "name": name,
        "record": record,
        "settings": _settings(record["settings"]),
        "charts": charts(folder / "history.csv"),
        "grid": None if grid is None else _grid(grid),
        "grid_name": "" if grid is None else f"train/{name}/pictures/{grid.name}",
    }


def _settings(settings: dict[str, Any]) -> dict[str, Any]:
    """What differs from the defaults, a recipe's own settings and parents spelt out."""
    parents = {role: f"from {run}" for role, run in settings.get("parents", {}).items()}
    own = settings.get("config", {})
    defaults = {name: field.get_default(call_default_factory=True) for name, field in TrainRun.model_fields.items()}
    return {name: value for name, value in settings.items() if name not in ("parents", "config") and value != defaults.get(name)} | own | parents


def charts(path: Path) -> list[Chart]:
    """A chart for the loss and each of its parts; one that never differs from the loss is left out. None without a history."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([float(row[name] or "nan") for row in rows]) for name in (rows[0] if rows else ())}
    drawn = {name: values for name, values in columns.items() if name not in NOT_DRAWN and np.isfinite(values).any()}
    return [
        line_chart(name, columns["step"], values) for name, values in drawn.items() if name == "loss" or not np.array_equal(values, columns["loss"])
    ]


def _grid(path: Path) -> str:
    with Image.open(path, formats=("PNG",)) as picture:
        return data_uri(fit(np.asarray(picture.convert("RGB")), GRID_PIXELS), quality=90)
