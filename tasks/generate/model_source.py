"""Which model a name stands for: a training run of this size, a reference (`micro:`, `path:`, `hub:`), or simply a folder."""

from dataclasses import dataclass
from pathlib import Path

from tasks.artefacts import Workspace
from tasks.weights import RECORD, find_model

CONFIG = "config.json"


@dataclass(frozen=True)
class ModelSource:
    """A model's folder, what it is called, and the digest of its files."""

    folder: Path
    name: str
    weights_sha256: str


def find_source(workspace: Workspace, name: str) -> ModelSource:
    """The model of the training run `name`, else of the folder of that path (a model's, or a run's with `model/` in it), else of a reference.

    Raises ValueError saying what to train or name when there is none.
    """
    if not name:
        raise ValueError("name a model that was trained on viewpoints (`network.control: viewpoint`), its run or its folder: --model")
    folder = next((folder for folder in (Path(name), Path(name, "model")) if (folder / CONFIG).is_file()), None)
    if folder is None or (workspace.folder("train") / name / RECORD).is_file():
        weights = find_model(workspace, name)
        return ModelSource(weights.folder, name, weights.digest)
    weights = find_model(workspace, f"path:{folder.resolve()}")
    return ModelSource(weights.folder, Path(name).resolve().name, weights.digest)
