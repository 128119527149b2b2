"""Captions to matched photographic pictures: `python -m flows.matched_real --size micro`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace, run_stage
from tasks.matched_real import task as stage


@flow(name="matched_real")
def matched_real(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Make four pictures of the photographic domain for every caption; returns the path of the manifest."""
    workspace, params = open_workspace(size, overrides, root)
    return str(run_stage(stage, workspace, params))


if __name__ == "__main__":
    run_word("matched_real")
