"""Samples and numbers on held-out assets: `python -m flows.evaluate --size micro`, a paper's table with `--suite`, R9 with `--tune`."""

from dataclasses import dataclass

from prefect import flow

from data_specs.params import Params
from data_specs.suite import Suite, load_suite, split_overrides
from flows.command import run_word
from flows.shard_stage import open_workspace
from tasks.artefacts import Workspace
from tasks.evaluate.schedule import Piece, SuiteProgress, TimeLeft, describe, plan_suite
from tasks.evaluate.task import check_base_model, evaluate_cell, evaluate_run, publish_suite, tune_run
from tasks.side_by_side import compute_as_one_of, finished
from tasks.train.plan import time_left
from tasks.train.task import train_one


@dataclass(frozen=True)
class SuiteWork:
    """How a piece of a suite is done; travels to other processes."""

    workspace: Workspace
    params: Params
    suite: Suite
    in_flow: bool
    """Whether as tasks of the flow: another process has none."""

    def __call__(self, piece: Piece) -> None:
        """Train its run, or sample and measure its row."""
        train, measure = (train_one, evaluate_cell) if self.in_flow else (train_one.fn, evaluate_cell.fn)
        if piece.run:
            train(self.workspace, self.params, piece.run)
        else:
            measure(self.workspace, self.params, self.suite, piece.row.name, piece.seed)


@flow(name="evaluate")
def evaluate(
    size: str = "micro",
    overrides: list[str] | None = None,
    root: str | None = None,
    suite: str | None = None,
    tune: bool = False,
    base: str | None = None,
) -> str:
    """Sample held-out assets with the trained model and measure the pictures; returns the path of metrics.json.

    Instead, suite: train or reuse every row of a table and measure it. tune: find B_max and t_max. base: check a base model.
    """
    of_suite, of_params = split_overrides(overrides or []) if suite else ([], overrides)
    workspace, params = open_workspace(size, of_params, root)
    if suite is not None:
        table = load_suite(suite, size, of_suite)
        return _evaluate_suite(workspace, table.extend(params), table)
    if base is not None:
        return str(check_base_model(workspace, params, base))
    return str(tune_run(workspace, params) if tune else evaluate_run(workspace, params))


def _evaluate_suite(workspace: Workspace, params: Params, suite: Suite) -> str:
    processes = suite.at.processes
    work = SuiteWork(workspace, params, suite, in_flow=processes == 1)
    compute_as_one_of(processes)  # what is planned is measured as it will run
    runs = [run for seed in suite.at.seeds for row in suite.rows if row.measured for run in suite.runs_of(row, seed)]
    pieces = plan_suite(suite, params, {name: TimeLeft(*left) for name, left in time_left(workspace, params, runs).items()})
    print(describe(suite, pieces), flush=True)
    path, ends = "", {seed: {piece.key for piece in pieces if piece.seed == seed} for seed in suite.at.seeds}
    with SuiteProgress(workspace, suite, pieces) as progress:
        for piece in finished(pieces, work, progress.begin, processes):
            progress.end(piece)
            ends[piece.seed].remove(piece.key)
            if not ends[piece.seed]:
                path = str(publish_suite(workspace, params, suite))
    return path


if __name__ == "__main__":
    run_word("evaluate")
