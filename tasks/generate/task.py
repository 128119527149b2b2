"""The stage `generate`: one Prefect task."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.params import Params
from tasks.artefacts import Workspace
from tasks.generate.generation import generate


@task(name="generate-result", cache_policy=NO_CACHE)
def generate_result(workspace: Workspace, params: Params) -> Path:
    """Generate what the section `generate` asks for and return the path of the page."""
    return generate(workspace, params)
