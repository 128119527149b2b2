"""Every training run of a size, in order: `python -m flows.train --size micro`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace
from tasks.train.task import train_one


@flow(name="train")
def train(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Train what is not trained yet, each run from the models of its parents; returns the folder of the last model."""
    workspace, params = open_workspace(size, overrides, root)
    folders = [train_one(workspace, params, name) for name in params.train.sequence]
    return str(folders[-1])


if __name__ == "__main__":
    run_word("train")
