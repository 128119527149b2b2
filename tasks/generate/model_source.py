"""Which model a name stands for: a training run of this size, or a folder."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from data_specs.ids import sha256_bytes
from tasks.artefacts import Workspace


@dataclass(frozen=True)
class ModelSource:
    """A model's folder, what it is called, and the digest of its files."""

    folder: Path
    name: str
    weights_sha256: str


def find_model(workspace: Workspace, name: str) -> ModelSource:
    """The model of the training run `name`, else of the folder of that path (a model's, or a run's with `model/` in it).

    Raises ValueError saying what to train or name when there is neither.
    """
    run = workspace.folder("train") / name
    if name and (run / "run.json").is_file():
        return ModelSource(run / "model", name, json.loads((run / "run.json").read_bytes())["weights_sha256"])
    for folder in (Path(name), Path(name, "model")):
        if name and (folder / "config.json").is_file():
            return ModelSource(folder, folder.resolve().name, _digest(folder))
    raise ValueError(
        f"no model {name!r}: it is neither a trained run of the size {workspace.size} (`atelier3d train --size {workspace.size}`) "
        "nor a model folder (with a config.json)"
    )


def _digest(folder: Path) -> str:
    """As `run.json` has it: over the digest of every file of the model."""
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            lines.append(f"{path.relative_to(folder).as_posix()} {hashlib.file_digest(file, 'sha256').hexdigest()}")
    return sha256_bytes("\n".join(lines).encode())
