"""Which base model makes the pictures: found without loading it."""

from data_specs.params import Params
from data_specs.weights import Reference, parse_reference
from tasks.artefacts import Workspace
from tasks.weights import Weights, find_weights


def find_base(workspace: Workspace, params: Params) -> Weights:
    """The text-to-image model `matched_real.base.model`. Raises ValueError saying what to train, fetch or name when it is not here."""
    name = params.matched_real.base.model
    if name in params.train.runs:
        folder = workspace.folder("train") / name / "model"
        if not folder.is_dir():
            raise ValueError(f"matched_real.base.model names the training run {name!r}, which has no model yet in {folder}: train it first")
        reference = Reference("path", str(folder))
    else:
        reference = parse_reference(name) or Reference("path", name)
    base = find_weights(workspace, reference)
    if not (base.folder / "transformer").is_dir():
        raise ValueError(f"matched_real.base.model={name}: {base.folder} is no text-to-image model, it has no transformer")
    return base
