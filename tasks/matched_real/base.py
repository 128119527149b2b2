"""Which base model makes the pictures: found without loading it."""

from data_specs.params import Params
from tasks.artefacts import Workspace
from tasks.weights import Weights, find_model


def find_base(workspace: Workspace, params: Params) -> Weights:
    """The text-to-image model `matched_real.base.model`. Raises ValueError saying what to train, fetch or name when it is not here."""
    name = params.matched_real.base.model
    base = find_model(workspace, name, fetch=True)
    if not (base.folder / "transformer").is_dir():
        raise ValueError(f"matched_real.base.model={name}: {base.folder} is no text-to-image model, it has no transformer")
    return base
