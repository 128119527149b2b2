"""Everything a size has made, on one page: `python -m flows.report --size micro`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace
from tasks.report.task import write_report


@flow(name="report")
def report(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Write the self-contained HTML page; returns its path."""
    workspace, params = open_workspace(size, overrides, root)
    return str(write_report(workspace, params))


if __name__ == "__main__":
    run_word("report")
