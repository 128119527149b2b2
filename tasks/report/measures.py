"""The table of metrics: what was measured as rows, measures as columns, with their spread."""

from collections import Counter
from typing import Any

import numpy as np

from tasks.report.inputs import Inputs


def measures(inputs: Inputs) -> dict[str, Any]:
    """Every row and column of `metrics.json`, references apart from the model's rows."""
    metrics = inputs.metrics
    cells = {row["name"]: [cell(row["metrics"].get(column["name"])) for column in metrics["columns"]] for row in metrics["rows"]}
    groups = Counter(column["group"] for column in metrics["columns"])
    meanings = {column["title"]: column["meaning"] for column in metrics["columns"]}
    return {"metrics": metrics, "cells": cells, "settings": metrics["settings"], "groups": groups, "meanings": meanings}


def cell(metric: dict[str, Any] | None) -> tuple[str, str] | None:
    """Mean in four digits and spread in two ("" where it is not known), without exponents."""
    return None if metric is None else (digits(metric["mean"], 4), "" if metric["spread"] is None else digits(metric["spread"], 2))


def digits(value: float, count: int) -> str:
    """Significant digits without an exponent."""
    return np.format_float_positional(value, precision=count, unique=False, fractional=False, trim="-")
