"""Curves end up where the axes say they are."""

import re

import numpy as np
import pytest

from tasks.report.chart import BOTTOM, DRAWN_POINTS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, line_chart, running_mean


def points(path: str) -> np.ndarray:
    return np.array([[float(v) for v in pair.split(",")] for pair in re.findall(r"[-\d.]+,[-\d.]+", path)])


def test_running_mean_against_a_loop() -> None:
    values = np.random.default_rng(0).standard_normal(30)
    expected = [values[max(0, i - 6) : i + 1].mean() for i in range(30)]
    np.testing.assert_allclose(running_mean(values, 7), expected)


def test_linear_axis_places_values_in_proportion() -> None:
    chart = line_chart("loss", np.array([1, 2, 4]), np.array([1.0, 2.0, 1.5]))
    x, y = points(chart.raw).T
    assert not chart.logarithmic
    assert y[0] == HEIGHT - BOTTOM and y[1] == TOP
    assert y[2] == pytest.approx((y[0] + y[1]) / 2, abs=0.02)
    assert x[2] == WIDTH - RIGHT
    assert (x[1] - LEFT) == pytest.approx((x[2] - LEFT) / 2, abs=0.02)


def test_wide_range_gets_a_logarithmic_axis() -> None:
    chart = line_chart("loss", np.arange(1, 4), np.array([100.0, 10.0, 1.0]))
    y = points(chart.raw)[:, 1]
    assert chart.logarithmic
    assert y[1] == pytest.approx((y[0] + y[2]) / 2, abs=0.02)
    assert {"1", "10", "100"} <= {tick.label for tick in chart.y_ticks}


def test_ticks_lie_on_the_scale_of_the_curve() -> None:
    values = np.linspace(2.0, 5.0, 31)
    chart = line_chart("loss", np.arange(31), values)
    at = {tick.label: tick.place for tick in chart.y_ticks}
    assert at["3"] == pytest.approx(points(chart.raw)[10, 1], abs=0.02)


def test_long_histories_are_thinned_and_holes_left_out() -> None:
    values = np.ones(5000)
    values[7] = np.nan
    chart = line_chart("loss", np.arange(5000), values)
    assert len(points(chart.raw)) == DRAWN_POINTS
    assert np.isfinite(points(chart.raw)).all()


def test_a_single_value_is_drawn_and_none_is_an_error() -> None:
    assert len(points(line_chart("loss", np.array([3]), np.array([0.5])).raw)) == 1
    with pytest.raises(ValueError, match="no finite value"):
        line_chart("loss", np.array([1, 2]), np.array([np.nan, np.inf]))
