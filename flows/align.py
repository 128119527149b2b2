"""Pictures of named objects to mesh, pose and point map: `python -m flows.align --size micro`; the filters' thresholds with `--tune`."""

from prefect import flow

from flows.command import run_word
from flows.shard_stage import open_workspace, run_stage
from tasks.align import task as stage
from tasks.align import tuning


@flow(name="align")
def align(size: str = "micro", overrides: list[str] | None = None, root: str | None = None, tune: bool = False) -> str:
    """Align every picture of the source with a mesh of its object; returns the path of the manifest. An empty source gives an empty data set.

    tune: instead, choose the filters' thresholds on composed pictures, and say what they reach; returns the path of the record.
    """
    workspace, params = open_workspace(size, overrides, root)
    if tune:
        path = tuning.tune(workspace, params)
        print(tuning.describe(path), flush=True)
        return str(path)
    return str(run_stage(stage, workspace, params))


if __name__ == "__main__":
    run_word("align")
