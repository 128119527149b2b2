"""Realiz3D ready to use: a model folder in, four views of an object out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_specs.camera import Camera, CameraRecord
from data_specs.conventions import DOMAINS, encode_normal, encode_position
from data_specs.view import ORTHOGONAL_NAMES
from models.diffusion.latents import factor
from models.diffusion.samples import VIEWS_RECORD, Decoded
from models.geometry.camera_math import view_plan
from models.realiz3d.conditioning import control_from_views
from models.realiz3d.grid import ROWS
from models.realiz3d.methods import load_method
from models.realiz3d.network import Realiz3D, save_model
from models.realiz3d.realism import PAPER, with_realism
from models.realiz3d.sampling import SamplingSettings, sample_views
from models.realiz3d.shifter import DomainShifters
from models.realiz3d.shifter_file import read_shifters, save_shifters
from models.renderers.base import Maps


class Realiz3DPipeline:
    """A model and what people do with it."""

    def __init__(self, model: Realiz3D) -> None:
        self.model = model.eval()

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> "Realiz3DPipeline":
        """Load a model folder, onto a GPU where there is one. Raises ValueError naming the file that is missing or wrong."""
        return cls(load_method(Path(folder)).to("cuda" if torch.cuda.is_available() else "cpu"))

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the whole model: base, control, shifters and what describes them."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        save_model(self.model, Path(folder))

    def save_adapter(self, path: Path | str) -> None:
        """Write the Domain Shifters alone: a few hundred kilobytes beside a base of gigabytes. Raises ValueError when the model has none."""
        save_shifters(self._shifters(), Path(path))

    def load_adapter(self, path: Path | str) -> None:
        """Replace the Domain Shifters, and with them the domains, by those of a file.

        Raises ValueError when the file holds none, those of a base with other blocks or width, or ones without `synthetic` and `real`.
        """
        mine, theirs = self._shifters(), read_shifters(Path(path))
        shapes = [(shifters.left_NDR.shape[0], shifters.left_NDR.shape[1]) for shifters in (mine, theirs)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{path} shifts {shapes[1][0]} blocks of width {shapes[1][1]}, the base has {shapes[0][0]} of width {shapes[0][1]}")
        if not set(DOMAINS) <= set(theirs.domains):
            raise ValueError(f"{path} has the domains {', '.join(theirs.domains)}: {' and '.join(DOMAINS)} must be among them")
        self.model.shifters = theirs.to(self.model.device)
        self.model.config = self.model.config.model_copy(update={"domains": theirs.domains, "rank": theirs.rank})

    @property
    def follows_mesh(self) -> bool:
        """Whether the control is a mesh's maps (texturing) and not viewpoints alone (text-to-multiview)."""
        return self.model.config.control == "maps"

    @property
    def learned_control(self) -> bool:
        """Whether the model makes the views of one object as a control asks: not after the warm-up, stage 1 or a fit of adapters alone."""
        return self.model.config.views == "together" and any(bool(weight.any()) for weight in self.model.control.parameters())

    def check_size(self, size_pixels: int) -> int:
        """The side of a view, 0 = that of the base's pictures. Raises ValueError for one that the network cannot make."""
        step = factor(self.model.base.vae) * self.model.base.backbone.patch
        native = self.model.latent_shape(None)[1] // ROWS * factor(self.model.base.vae)
        if size_pixels % step or (size_pixels not in (0, native) and not self.follows_mesh):
            allowed = f"a multiple of {step}" if self.follows_mesh else str(native)
            raise ValueError(f"views of {size_pixels} px cannot be made by this model: choose {allowed}")
        return size_pixels or native

    def views(
        self,
        prompt: str,
        control: Tensor,
        settings: SamplingSettings = SamplingSettings(),  # noqa: B008 (frozen)
        real: float = PAPER,
        seed: int = 0,
        done: Callable[[], None] | None = None,
    ) -> np.ndarray:
        """Sample front, right, back and left of an object: (4, H, W, 3) uint8.

        control: `mesh_control` or `viewpoint_control`. settings: the tuned ones of SPEC R8. real: how far they are moved (`realism.with_realism`).
        done: called after every step.
        """
        return sample_views(self.model, control[None], [prompt], with_realism(settings, real), np.random.default_rng(seed), done)[0]

    def _shifters(self) -> DomainShifters:
        if not isinstance(self.model.shifters, DomainShifters):
            raise ValueError("this model has no Domain Shifters: it is a baseline without them")
        return self.model.shifters


def mesh_control(maps: list[Maps], cameras: list[Camera]) -> Tensor:
    """The control of an object by its rendered orthogonal views, coded as in the data sets: (4, 6, H, W) float32 in [-1, 1]."""
    members = {}
    for name, view in zip(ORTHOGONAL_NAMES, maps, strict=True):
        members[f"{name}.normal.png"] = encode_normal(view.normal, view.mask)
        members[f"{name}.position.png"] = encode_position(view.position, view.mask)
    return control_from_views({**_record(cameras), **members})


def viewpoint_control(size_pixels: int) -> Tensor:
    """The control of an object that is known by the text alone, from the orthogonal cameras: (4, 3) float32 unit vectors."""
    return control_from_views(_record([camera for _, camera in view_plan("orthogonal4", size_pixels, 0)]), "viewpoint")


def _record(cameras: list[Camera]) -> Decoded:
    """What the data sets say of the views."""
    views = [
        {
            "name": name,
            "camera": CameraRecord.from_camera(camera).model_dump(),
            "members": {kind: f"{name}.{kind}.png" for kind in ("normal", "position")},
        }
        for name, camera in zip(ORTHOGONAL_NAMES, cameras, strict=True)
    ]
    return {"__key__": "generated", VIEWS_RECORD: {"views": views}}
