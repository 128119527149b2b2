"""The plan of a suite: what is trained when, what it takes, and what is said on the way."""

import io
from pathlib import Path

import pytest

from data_specs.suite import Suite
from tasks.artefacts import Workspace
from tasks.evaluate.schedule import Piece, SuiteProgress, TimeLeft, describe, plan_suite
from tests.tasks.evaluate.suites import PARAMS, small_suite


def planned(suite: Suite, **left: TimeLeft) -> list[Piece]:
    times = {suite.run_name(name, seed): left[name] for name in suite.runs for seed in suite.at.seeds}
    return plan_suite(suite, suite.extend(PARAMS), times)


SUITE = small_suite((0, 1))


def test_each_run_is_trained_once_before_the_first_row_that_needs_it() -> None:
    pieces = planned(SUITE, plain=TimeLeft(2, 1.0), ours=TimeLeft(2, 3.0))
    names = [
        next(name for name in ("plain", "ours") if SUITE.run_name(name, seed) == run) if run else "sample"
        for run, seed in ((p.run, p.seed) for p in pieces)
    ]
    assert names == ["plain", "sample", "sample", "ours", "sample"] * 2
    assert [piece.row.name for piece in pieces[:5]] == ["plain", "plain", "sdedit", "ours", "ours"]
    assert [piece.seed for piece in pieces] == [0] * 5 + [1] * 5
    plain, ours = (SUITE.run_name(name, 0) for name in ("plain", "ours"))
    first = {"plain at seed 0"}  # makes the pictures of the base
    assert [piece.needs for piece in pieces[:5]] == [set(), {plain}, {plain} | first, {plain}, {plain, ours} | first]
    assert pieces[6].needs == {SUITE.run_name("plain", 1)} | first and pieces[7].needs == pieces[6].needs | {"plain at seed 1"}


def test_seconds_are_steps_times_what_one_was_measured_to_take() -> None:
    pieces = planned(SUITE, plain=TimeLeft(0, 1.0), ours=TimeLeft(2, None))
    train = {piece.row.name: piece.seconds for piece in pieces if piece.run}
    assert train == {"plain": 0.0, "ours": 2.0}  # what cannot be measured yet counts as the longest that could
    evaluate = PARAMS.evaluate
    sampling = next(piece.seconds for piece in pieces if not piece.run)
    assert sampling == pytest.approx(evaluate.sampling_steps * evaluate.max_assets * 2 * 1.0 / (3 * 4))


def test_the_plan_says_rows_seeds_and_time() -> None:
    text = describe(SUITE, planned(SUITE, plain=TimeLeft(120, 1.0), ours=TimeLeft(0, 1.0)))
    assert "3 rows x 2 seeds" in text and "2 of 4 runs, about 4 min 00 s" in text
    assert "together  about 4 min 08 s, from" in text
    two = SUITE.model_copy(update={"at": SUITE.at.model_copy(update={"processes": 2})})
    assert "together  about 2 min 04 s, 2 pieces at a time, from" in describe(two, planned(two, plain=TimeLeft(120, 1.0), ours=TimeLeft(0, 1.0)))
    assert "Quoted" not in text and "from runs of rows above" in text


def test_progress_says_row_pieces_and_time_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr("tasks.progress.time.monotonic", lambda: now[0])
    monkeypatch.setattr("tasks.progress.sys.stderr", io.StringIO())
    pieces = [Piece(SUITE.rows[0], 0, "a_run", 60.0), Piece(SUITE.rows[0], 0, "", 60.0), Piece(SUITE.rows[2], 0, "", 120.0)]
    with SuiteProgress(Workspace(tmp_path, "tiny"), SUITE, pieces) as progress:
        progress.begin(pieces[0])
        now[0] = 120.0  # twice as long as planned
        progress.end(pieces[0])
        progress.begin(pieces[1])
    first, second = capsys.readouterr().out.splitlines()
    assert first == "suite small: row 1 of 4, Plain, seed 0: train a_run; 3 of 3 pieces and about 4 min 00 s left"
    assert second == "suite small: row 1 of 4, Plain, seed 0: sample and measure; 2 of 3 pieces and about 6 min 00 s left"
