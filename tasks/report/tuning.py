"""The grid on which B_max and t_max were chosen (SPEC R9)."""

from typing import Any

from tasks.report.inputs import Inputs, MissingError
from tasks.report.measures import digits
from tasks.report.suites import strip_file

TITLES = {"layer_share": "B_max, without shifting of timesteps", "time_threshold": "t_max, at the B_max chosen"}
GRID_PIXELS = 2400


def tuning(inputs: Inputs) -> dict[str, Any]:
    """Both sweeps with the choice marked, and the pictures behind them."""
    record = inputs.tuning
    if record is None:
        size = inputs.workspace.size
        raise MissingError(f"How much to shift at inference has not been tuned: `atelier3d evaluate --size {size} --tune` does it.")
    sweeps = [{"title": TITLES[name], "trials": [_trial(trial, record["chosen"]) for trial in trials]} for name, trials in record["sweeps"].items()]
    realism = record.get("realism", "realism")  # records that were made before it had other names do not say it
    return {
        "record": record,
        "realism": realism,
        "sweeps": sweeps,
        "grid": strip_file(inputs.workspace.folder("evaluate") / "tuning" / "grid.png", GRID_PIXELS),
    }


def _trial(trial: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    return {
        "layer_share": f"{trial['layer_share']:.0%}",
        "time_threshold": trial["time_threshold"],
        "control": f"{trial['control']:.2f}",
        "realism": digits(trial["realism"], 4),
        "loss": f"{trial['loss']:+.1%}",
        "chosen": trial == chosen,
    }
