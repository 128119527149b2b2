"""The stage `report`: one Prefect task that writes the page."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.params import Params
from tasks.artefacts import Workspace, write_atomic
from tasks.report.inputs import Inputs
from tasks.report.page import make_page


@task(name="report-page", cache_policy=NO_CACHE)
def write_report(workspace: Workspace, params: Params) -> Path:
    """Write `data/<size>/report/index.html` from whatever there is, and return its path."""
    path = workspace.folder("report") / "index.html"
    write_atomic(path, make_page(Inputs(workspace, params)).encode())
    return path
