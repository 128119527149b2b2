"""The networks of training runs without weights, each built by its recipe from the configs that its parents would leave."""

from pathlib import Path

import torch
from torch import nn

from data_specs.params import Params
from data_specs.weights import parse_reference
from models.diffusion.text_to_image import TextToImage, load_text_to_image
from models.recipe import Recipe
from models.registry import make_recipe
from tasks.artefacts import Workspace
from tasks.train.job import run_named
from tasks.weights import find_model

RELEASED = Path(__file__).parents[1] / "models" / "diffusion" / "outlines"
"""Configs of bases that are known by name, so that nothing need be downloaded to plan with them."""

META = torch.device("meta")


class Outlines:
    """Networks on the meta device. Their configs are written under `folder`, as finished runs would write them."""

    def __init__(self, workspace: Workspace, params: Params, folder: Path) -> None:
        self.workspace, self.params, self.folder = workspace, params, folder

    def recipe(self, name: str) -> Recipe:
        """The recipe of a run. Raises ValueError for an unknown run or a wrong setting."""
        run = run_named(self.params, name)
        return make_recipe(run.recipe, run.config)

    def network(self, name: str) -> nn.Module:
        """The network of a run as it is before its first step. Raises ValueError for a parent that is neither a run nor a known base."""
        parents = {role: self.model_folder(parent) for role, parent in run_named(self.params, name).parents.items()}
        with META:
            return self.recipe(name).build(parents).to(META).train()

    def base(self, reference: str) -> TextToImage:
        """A text-to-image base. Raises ValueError when it is neither a run nor a known base."""
        folder = self.model_folder(reference)
        with META:
            return load_text_to_image(folder).to(META)

    def model_folder(self, reference: str) -> Path:
        """The folder of a run's or a released model, configs only."""
        if reference not in self.params.train.runs:
            return known_base(self.workspace, reference)
        folder = self.folder / reference
        if not folder.is_dir():
            network = self.network(reference)
            folder.mkdir(parents=True)
            with META:
                self.recipe(reference).save(network, folder)
        return folder


def known_base(workspace: Workspace, text: str) -> Path:
    """Where the configs of a base lie that is no run: its own folder, or of one on the hub what is known of it by name.

    Raises ValueError naming the bases that are known.
    """
    reference = parse_reference(text)
    if reference is None or reference.kind != "hub":
        return find_model(workspace, text).folder
    folder = RELEASED / reference.name.rpartition("/")[2]
    if not folder.is_dir():
        known = sorted(path.name for path in RELEASED.iterdir() if path.is_dir())
        raise ValueError(f"the shape of the base {text!r} is not known: known are {', '.join(known)}; a folder of one's own is path:FOLDER")
    return folder
