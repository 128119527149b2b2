"""Samples and numbers on held-out assets: `python -m flows.evaluate --size micro`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace
from tasks.evaluate.task import evaluate_run


@flow(name="evaluate")
def evaluate(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Sample held-out assets with the trained model and measure the pictures; returns the path of metrics.json."""
    workspace, params = open_workspace(size, overrides, root)
    return str(evaluate_run(workspace, params))


if __name__ == "__main__":
    run_word("evaluate")
