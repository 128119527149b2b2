"""A training run with all its inputs found and checked: what the driver hands to every worker."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from data_specs.ids import content_id, seed_from
from data_specs.params import Params, TrainRun
from models.recipe import Recipe
from models.registry import RECIPES, make_recipe
from tasks.artefacts import Workspace
from tasks.tracking import TrackedRun
from tasks.train.dataset import TrainingData, open_data
from tasks.train.loader import ShardFile
from tasks.training_order import with_ancestors
from tasks.weights import find_model

VERSION = 1
"""Raised by hand when the same inputs would train to other weights."""

SHOWN_SAMPLES = 8
"""Samples of a sampling grid, at most."""

WITHOUT_EFFECT = {"checkpoint_every"}
"""Settings that do not change what comes out."""


@dataclass(frozen=True)
class TrainJob:
    """Everything that defines a run. Picklable; paths are absolute."""

    id: str
    """Name and a hash of settings, data and parents: the same id means the same weights."""
    name: str
    recipe: Recipe
    run: TrainRun
    parents: dict[str, Path]
    identity: dict[str, Any]
    """What the id hashes: plain data."""
    data: dict[str, tuple[ShardFile, ...]]
    shown: dict[str, tuple[ShardFile, ...]]
    """What sampling grids are drawn for: the validation split where every source has one, else the training data."""
    shown_recipe: Recipe
    """Draws them: from pictures, also where the run trains on features."""
    folder: Path
    output: Path
    threads: int
    tracked: TrackedRun | None = None

    @property
    def seed(self) -> int:
        """Seed of order and noise."""
        return seed_from("train", self.run.seed)

    @property
    def shown_samples(self) -> int:
        """Samples of a sampling grid."""
        return min(self.run.batch_size, SHOWN_SAMPLES)

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.folder / "checkpoints"

    @property
    def history(self) -> Path:
        """Log of the steps, one JSON line each."""
        return self.folder / "history.jsonl"

    @property
    def pictures(self) -> Path:
        """Folder of the sampling grids."""
        return self.folder / "pictures"


def make_job(workspace: Workspace, params: Params, name: str, fetch: bool = False) -> TrainJob:
    """Resolve a run of `params.train.runs`. fetch: download a base model that is not here.

    Raises ValueError naming an unknown run, a missing parent, missing data or a wrong setting.
    """
    run = run_named(params, name)
    recipe = make_recipe(run.recipe, run.config)
    parents = {role: find_model(workspace, parent, fetch) for role, parent in run.parents.items()}
    shown_recipe = make_recipe(run.recipe, run.config | {"inputs": "pictures"}) if "inputs" in run.config else recipe
    data = open_data(workspace, recipe.sources, "train")
    identity = {
        "version": VERSION,
        "settings": _placeless(run).model_dump(mode="json", exclude=WITHOUT_EFFECT),
        "data": data.digests,
        "parents": {role: parent.digest for role, parent in parents.items()},
    }
    run_id = f"{name}-{content_id(identity)}"
    return TrainJob(
        id=run_id,
        name=name,
        recipe=recipe,
        run=run,
        parents={role: parent.folder for role, parent in parents.items()},
        identity=identity,
        data=data.shards,
        shown=_shown(workspace, shown_recipe).shards,
        shown_recipe=shown_recipe,
        folder=(workspace.runs / "train" / run_id).resolve(),
        output=(workspace.folder("train") / name).resolve(),
        threads=params.train.loader_threads,
    )


def missing_inputs(workspace: Workspace, params: Params, name: str) -> list[str]:
    """Everything that a run lacks of parents and data, and a wrong setting: a text each. Raises ValueError for an unknown run."""
    run = run_named(params, name)
    looks: list[Callable[[], Any]] = [partial(find_model, workspace, parent) for parent in run.parents.values()]
    missing = []
    for look in [*looks, lambda: open_data(workspace, make_recipe(run.recipe, run.config).sources, "train")]:
        try:
            look()
        except ValueError as error:
            missing.append(str(error))
    return missing


def run_named(params: Params, name: str) -> TrainRun:
    """The settings of a run. Raises ValueError naming the runs there are.

    Where `features.base` is set, a run that can read features does so unless its config says `inputs: pictures`; but not the base itself, nor
    what it comes from.
    """
    if name not in params.train.runs:
        raise ValueError(f"no training run {name!r} in the parameters of size {params.size!r}: there are {', '.join(params.train.runs)}")
    run = params.train.runs[name]
    reads = run.recipe in RECIPES and "inputs" in RECIPES[run.recipe].Config.model_fields
    if not params.features.base or not reads or name in with_ancestors(params, params.features.base):
        return run
    return run.model_copy(update={"config": {"inputs": "features"} | run.config})


def _placeless(run: TrainRun) -> TrainRun:
    """Where a model of one's own lies makes no difference; what it holds is in the digest of the parent."""
    parents = {role: "path:*" if parent.startswith("path:") else parent for role, parent in run.parents.items()}
    return run.model_copy(update={"parents": parents})


def _shown(workspace: Workspace, recipe: Recipe) -> TrainingData:
    held_out = open_data(workspace, recipe.sources, "validation")
    return held_out if all(any(file.keys for file in files) for files in held_out.shards.values()) else open_data(workspace, recipe.sources, "train")
