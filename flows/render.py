"""Clean meshes to views of the synthetic domain: `python -m flows.render --size micro`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace, run_stage
from tasks.render import task as stage


@flow(name="render")
def render(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Render every asset by the view plan of the parameters; returns the path of the manifest."""
    workspace, params = open_workspace(size, overrides, root)
    return str(run_stage(stage, workspace, params))


if __name__ == "__main__":
    run_word("render")
