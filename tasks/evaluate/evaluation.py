"""Sample held-out assets in every mode, measure the pictures beside references, publish samples and `metrics.json`."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from data_specs.ids import content_id
from data_specs.matched_real import REAL_TITLES, RealSource
from data_specs.params import EvaluateParams, Params
from data_specs.suite import NEVER
from tasks.artefacts import Workspace, write_atomic
from tasks.evaluate.embedding import open_chosen
from tasks.evaluate.measures import Pictures, columns, measure
from tasks.evaluate.samples import Mode, SampleFolder, Sampler
from tasks.evaluate.subjects import Subject, Subjects
from tasks.evaluate.surface import surface_of
from tasks.progress import Progress
from tasks.tracking import RunLog, Tracker

VERSION = 2
"""Raised by hand when the same inputs would give other pictures or numbers."""

METRICS, SAMPLES = "metrics.json", "samples"
REAL_NAMES: dict[RealSource, str] = {"photographic_render": "photographs", "base_model": "base_pictures"}
NO_MATTER = {"tuning", "published"}
"""Settings that have no part in pictures: what is only tuned with, and where the networks of metrics lie."""


def evaluate(workspace: Workspace, params: Params, sampler: Sampler) -> Path:
    """Bring `data/<size>/evaluate` up to date and return the path of its `metrics.json`.

    Raises ValueError saying what to run first when the model or the data is missing, or which split is empty.
    """
    ours, data = params.evaluate, Subjects(workspace)
    run = read_trained(workspace, ours.run)
    keys = data.keys(ours.split, ours.max_assets)
    if not keys:
        raise ValueError(f"the {ours.split} split has no verified asset with pictures of both domains: raise assets.count, or choose evaluate.split")
    identity = {
        "version": VERSION,
        "run": ours.run,
        "run_id": run["id"],
        "weights_sha256": run["weights_sha256"],
        "data": data.digests(),
        "settings": ours.model_dump(mode="json", exclude=NO_MATTER),
        "assets": keys,
    }
    subjects, modes, chosen = [data.read(key) for key in keys], sampling_modes(ours), open_chosen(workspace, ours)
    surface = surface_of(workspace.folder("train") / ours.run / "model")
    work = SampleFolder(workspace.runs / "evaluate" / content_id(identity))
    with Progress(workspace, "evaluate", len(modes) * len(subjects)) as progress:
        for mode in modes:
            work.fill(subjects, mode, ours.batch_size, sampler, progress.advance)
    rows = measure(*_table(data, subjects, modes, work), chosen, surface)
    described = columns(chosen.naming, surface, REAL_TITLES[data.real_source(keys[0])])
    record = {**identity, "embedder": chosen.identity, "surface": surface, "columns": described, "rows": rows}
    publish(workspace.folder("evaluate"), work, [(key, mode) for key in keys for mode in modes], record)
    _track(workspace, record, steps=run["settings"]["steps"])
    return workspace.folder("evaluate") / METRICS


def sampling_modes(params: EvaluateParams) -> list[Mode]:
    """The synthetic domain in every block, as the reference, and the real domain with the shifting of SPEC R8."""
    return [Mode("synthetic", "synthetic mode", 1.0, NEVER), Mode("real", "real mode", params.layer_share, params.time_threshold)]


def read_trained(workspace: Workspace, name: str) -> dict[str, Any]:
    """`run.json` of a trained run. Raises ValueError when it has not been trained."""
    path = workspace.folder("train") / name / "run.json"
    if not path.is_file():
        raise ValueError(f"{path} is not there: the run {name!r} has not been trained (`atelier3d train --size {workspace.size}`)")
    return json.loads(path.read_bytes())


def is_trained(workspace: Workspace, name: str) -> bool:
    """Whether a run's model is there."""
    return (workspace.folder("train") / name / "run.json").is_file()


def publish(folder: Path, work: SampleFolder, wanted: list[tuple[str, Mode]], record: dict[str, Any]) -> None:
    """Write samples, then the metrics that vouch for them, and remove everything else. Killed in between, there are no metrics."""
    (folder / METRICS).unlink(missing_ok=True)
    published = SampleFolder(folder / SAMPLES)
    for key, mode in wanted:
        write_atomic(published.path(key, mode), work.path(key, mode).read_bytes())
    names = {published.path(key, mode).name for key, mode in wanted}
    for stray in (path for path in published.folder.iterdir() if path.name not in names):
        stray.unlink()
    write_atomic(folder / METRICS, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())


def _table(
    data: Subjects, subjects: list[Subject], modes: list[Mode], work: SampleFolder
) -> tuple[list[Pictures], list[Subject], dict[str, list[np.ndarray]]]:
    """Rows (true renders, real pictures of the same and of other assets, then the model's modes), what they are measured on, and against."""
    truth, real = [subject.true_views() for subject in subjects], [subject.real_pictures for subject in subjects]
    source = data.real_source(subjects[0].asset_id)
    name, title = REAL_NAMES[source], REAL_TITLES[source]
    rows = [
        Pictures("true_renders", "true renders", "reference", truth, not_against="synthetic"),
        Pictures(name, title, "reference", real, views=False, not_against="real"),
    ]
    others = [data.real_pictures(key) for key in data.keys("train", len(subjects))]
    if len(others) == len(subjects):
        rows.append(Pictures(f"other_{name}", f"{title} of other assets", "reference", others, views=False))
    rows += [Pictures(mode.name, mode.title, "model", [work.read(subject, mode) for subject in subjects]) for mode in modes]
    return rows, subjects, {"real": real, "synthetic": truth}


def _track(workspace: Workspace, record: dict[str, Any], steps: int) -> None:
    """Add the means of the model's rows to the run in MLflow, where there is one."""
    found = Tracker(workspace).find(record["run_id"])
    if found is None:
        return
    values = {
        f"evaluate/{row['name']}/{name.replace('@', '_at_').replace(':', '_to_')}": metric["mean"]
        for row in record["rows"]
        for name, metric in row["metrics"].items()
    }
    with RunLog(found[0]) as log:
        log.metrics([{"step": steps, **values}])
