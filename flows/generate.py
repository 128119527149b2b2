"""A trained model in use, from a mesh and a prompt to a textured model: `atelier3d generate texture --mesh chair.glb --prompt "a red chair"`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace
from tasks.generate.task import generate_result


@flow(name="generate")
def generate(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Views, cameras, a textured model and a page from the section `generate`; returns the path of the page."""
    workspace, params = open_workspace(size, overrides, root)
    return str(generate_result(workspace, params))


if __name__ == "__main__":
    run_word("generate")
