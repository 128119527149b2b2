"""Verified samples to latents and text tokens of a base model: `python -m flows.features --size micro`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace, run_stage
from tasks.features import task as stage


@flow(name="features")
def features(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Encode every verified sample once, where `features.base` names a model; returns the path of the manifest."""
    workspace, params = open_workspace(size, overrides, root)
    return str(run_stage(stage, workspace, params))


if __name__ == "__main__":
    run_word("features")
