"""Rendered and matched shards to a verified data set: `python -m flows.shards --size micro`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace, run_stage
from tasks.shards import task as stage


@flow(name="shards")
def shards(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Verify every sample and publish the data set that training reads; returns the path of the manifest."""
    workspace, params = open_workspace(size, overrides, root)
    return str(run_stage(stage, workspace, params))


if __name__ == "__main__":
    run_word("shards")
