"""What every data stage does: plan its shards, build the missing ones a few at a time, publish the manifest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.futures import PrefectFuture, as_completed

from data_specs.params import Params, load_params
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.progress import Progress


def open_workspace(size: str, overrides: list[str] | None, root: str | None) -> tuple[Workspace, Params]:
    """The folders and parameters of one run; raises ValueError for a wrong size, key or value."""
    return Workspace.open(size, root), load_params(size, overrides or ())


def run_stage(stage: ModuleType, workspace: Workspace, params: Params) -> Path:
    """Bring a stage's output folder up to date and return its manifest's path.

    stage: module `tasks.<word>.task` with `WORD`, `plan`, `build` (a Prefect task) and `publish`. Finished shards are left as they are.
    Raises the first failure once the shards in flight have ended; a rerun goes on from there.
    """
    folder = workspace.folder(stage.WORD)
    plans = stage.plan(workspace, params)
    pending = Ledger(folder, stage.WORD).pending(plans)
    with Pool(params.execution, stage.WORD) as pool, shard_progress(workspace, stage.WORD, len(plans), len(pending)) as progress:
        running: list[PrefectFuture] = []
        for plan in pending:
            running = _leave_at_most(running, params.execution.shards_in_flight - 1, progress)
            running.append(stage.build.submit(workspace, params, plan, pool))
        _leave_at_most(running, 0, progress)
    stage.publish(workspace, params, plans)
    return folder / "manifest.json"


@contextmanager
def shard_progress(workspace: Workspace, word: str, total: int, pending: int) -> Iterator[Progress]:
    """Progress in shards, in the terminal and as a Prefect artifact; what an earlier run finished counts from the start."""
    key, description = word.replace("_", "-"), f"{word}: {total} shards, {pending} to build"
    artifact = cast(UUID, create_progress_artifact(progress=0.0, key=key, description=description))
    with Progress(workspace, word, total, done=total - pending) as progress:
        progress.listen(lambda state: update_progress_artifact(artifact, progress=100.0 * state.share, description=state.line))
        yield progress


def _leave_at_most(running: list[PrefectFuture], count: int, progress: Progress) -> list[PrefectFuture]:
    while len(running) > count:
        finished = next(iter(as_completed(running)))
        finished.result()
        progress.advance(1)
        running = [future for future in running if future is not finished]
    return running
