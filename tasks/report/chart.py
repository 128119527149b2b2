"""Line charts as plain geometry; a template turns it into inline SVG."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

WIDTH, HEIGHT = 430, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
DRAWN_POINTS = 400
LOGARITHMIC_FROM = 12.0
"""Values that span more than this ratio get a logarithmic axis."""


@dataclass(frozen=True)
class Tick:
    """A grid line at `place` (SVG units) with its label."""

    place: float
    label: str


@dataclass(frozen=True)
class Chart:
    """One quantity over steps. raw and smooth: SVG path data, every step and a running mean."""

    title: str
    raw: str
    smooth: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    first: str
    last: str
    logarithmic: bool
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def line_chart(title: str, steps: np.ndarray, values: np.ndarray) -> Chart:
    """Lay out a chart of `values` (N,) float over `steps` (N,) int, N >= 1. Values that are not finite are left out."""
    finite = np.isfinite(values)
    steps, values = steps[finite].astype(float), values[finite].astype(float)
    if not len(values):
        raise ValueError(f"{title}: there is no finite value to draw")
    smooth = running_mean(values, max(1, len(values) // 12))
    low, high = float(values.min()), float(values.max())
    logarithmic = low > 0.0 and high / low > LOGARITHMIC_FROM
    y_place = _scale(low, high, (HEIGHT - BOTTOM, TOP), logarithmic)
    x_place = _scale(0.0, float(steps.max()), (LEFT, WIDTH - RIGHT), False)
    return Chart(
        title=title,
        raw=_path(steps, values, x_place, y_place),
        smooth=_path(steps, smooth, x_place, y_place),
        x_ticks=[Tick(x_place(v), f"{v:,.0f}") for v in _ticks(0.0, float(steps.max()), False)],
        y_ticks=[Tick(y_place(v), f"{v:.4g}") for v in _ticks(low, high, logarithmic)],
        first=f"{smooth[0]:.4g}",
        last=f"{smooth[-1]:.4g}",
        logarithmic=logarithmic,
    )


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over the last `window` values (fewer at the start), (N,) -> (N,)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _scale(low: float, high: float, span: tuple[float, float], logarithmic: bool) -> Callable[[float], float]:
    turn = math.log10 if logarithmic else float
    start, end = turn(low), turn(high)
    length = end - start or 1.0
    middle = 0.5 if end == start else 0.0
    return lambda value: round(span[0] + (middle + (turn(value) - start) / length) * (span[1] - span[0]), 2)


def _ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    if high <= low:
        return [low]
    locator = LogLocator(subs=(1.0, 2.0, 5.0), numticks=8) if logarithmic else MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10])
    return [float(value) for value in locator.tick_values(low, high) if low - 1e-9 * abs(low) <= value <= high + 1e-9 * abs(high)]


def _path(steps: np.ndarray, values: np.ndarray, x_place: Callable[[float], float], y_place: Callable[[float], float]) -> str:
    drawn = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), DRAWN_POINTS)).round().astype(int))
    return "M" + " L".join(f"{x_place(steps[i])},{y_place(values[i])}" for i in drawn)
