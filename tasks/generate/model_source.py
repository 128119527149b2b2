"""Which model generates: a training run of this size, a reference (`micro:`, `path:`, `hub:`), or simply a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data_specs.params import Params
from models.realiz3d.conditioning import ControlKind
from models.realiz3d.recipe import ControlTraining
from models.registry import make_recipe
from tasks.artefacts import Workspace
from tasks.training_order import training_command
from tasks.weights import RECORD, find_model

CONFIG = "config.json"
CONTROLS: dict[Literal["texture", "multiview"], ControlKind] = {"texture": "maps", "multiview": "viewpoint"}


@dataclass(frozen=True)
class ModelSource:
    """A model's folder, what it is called, and the digest of its files."""

    folder: Path
    name: str
    weights_sha256: str


def find_source(workspace: Workspace, params: Params) -> ModelSource:
    """The training run `generate.model`, else the folder of that path (a model's, or a run's with `model/` in it), else a reference.

    Where none is named, it is the run that `run_for` finds. Raises ValueError saying what to train or name when there is none.
    """
    name = params.generate.model or run_for(params)
    if not name:
        raise ValueError(f"generate {params.generate.kind} needs --model: {advice(params)}")
    trained = (workspace.folder("train") / name / RECORD).is_file()
    folder = next((folder for folder in (Path(name), Path(name, "model")) if (folder / CONFIG).is_file()), None)
    if folder is not None and not trained:
        weights = find_model(workspace, f"path:{folder.resolve()}")
        return ModelSource(weights.folder, Path(name).resolve().name, weights.digest)
    if name in params.train.runs and not trained:
        raise ValueError(f"the training run {name!r} has no model yet: `{training_command(params, name)}` trains it")
    weights = find_model(workspace, name)
    return ModelSource(weights.folder, name, weights.digest)


def run_for(params: Params) -> str:
    """The run that learns the control of `generate.kind`: `evaluate.run` where it is one, else the last; empty where there is none."""
    found = [name for name in params.train.runs if _learns(params, name)]
    return params.evaluate.run if params.evaluate.run in found else (found or [""])[-1]


def advice(params: Params) -> str:
    """Which run to name, and how it is trained."""
    kind, name = params.generate.kind, run_for(params)
    if name:
        return f"{name} is the run for {kind}, `{training_command(params, name)}` trains it"
    return f"no run of size {params.size} learns the control of {kind}; size micro has one in data_specs/params/micro.yaml, or name a folder"


def _learns(params: Params, name: str) -> bool:
    run = params.train.runs[name]
    recipe = make_recipe(run.recipe, run.config)
    return isinstance(recipe, ControlTraining) and recipe.control == CONTROLS[params.generate.kind]
