"""Catalogue lines to clean meshes: `python -m flows.assets --size micro`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace, run_stage
from tasks.assets import task as stage


@flow(name="assets")
def assets(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Build every asset of the catalogue; returns the path of the manifest."""
    workspace, params = open_workspace(size, overrides, root)
    return str(run_stage(stage, workspace, params))


if __name__ == "__main__":
    run_word("assets")
