"""What a pass of Realiz3D is conditioned on: text, domain by block, control, and whether the views see each other (SPEC R1 to R3).

The null control is `None`: nothing is added to the tokens. For control maps that equals control latents of all zeros.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from data_specs.camera import CameraRecord
from data_specs.view import ORTHOGONAL_NAMES
from models.diffusion.pictures import to_pixels
from models.diffusion.prompts import Prompts
from models.diffusion.samples import VIEWS_RECORD, Decoded, view_levels
from models.realiz3d.grid import VIEWS, from_grid

ControlKind = Literal["maps", "viewpoint"]
MAP_NAMES: tuple[Literal["normal", "position"], ...] = ("normal", "position")
OCTAVES = 4


@dataclass(frozen=True)
class Condition:
    """Everything beside noise and time.

    prompts: of B grids. domains: (B, N) int64, the domain of each sample in each block.
    control: encoded control as the network's control module takes it, or None. multiview: attention over the whole grid, else inside each tile.
    frozen_blocks: that many first blocks, and all embeddings, get no gradient (SPEC R6).
    """

    prompts: Prompts
    domains: Tensor
    control: Tensor | None = None
    multiview: bool = False
    frozen_blocks: int = 0


class MapControl(nn.Module):
    """Latents of control maps, channel-concatenated to the noisy latent (SPEC R2).

    A patch embedding of concatenated channels is the sum of one of the noisy latent and one of the control; only the second, the grown part, is kept
    here, zero at first, so that the base stays what it is.
    """

    def __init__(self, latent_channels: int, width: int, patch: int) -> None:
        super().__init__()
        self.grown = nn.Conv2d(len(MAP_NAMES) * latent_channels, width, patch, patch, bias=False)
        nn.init.zeros_(self.grown.weight)

    def forward(self, control: Tensor) -> Tensor:
        """Latents of normals and positions (B, 2 C, 2 h, 2 w) -> what to add to the tokens of each tile, (B, 4, tokens, D)."""
        return from_grid(self.grown(control)).flatten(3).transpose(2, 3)


class ViewpointControl(nn.Module):
    """Camera directions as a positional encoding of the tokens of each tile (SPEC R2, text-to-multiview), zero at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(3 * 2 * OCTAVES, width, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, control: Tensor) -> Tensor:
        """Unit vectors from the object to the camera (B, 4, 3), object frame -> (B, 4, 1, D)."""
        angles = control[..., None] * (torch.pi / 2 * 2.0 ** torch.arange(OCTAVES, device=control.device))
        return self.project(torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(2))[:, :, None]


def control_levels(samples: list[Decoded], kind: ControlKind = "maps") -> list[Tensor]:
    """What `join_control` makes the controls of decoded render samples of: their maps as stored, or their viewpoints.

    Raises ValueError naming what a sample lacks.
    """
    return [view_levels(samples, name) for name in MAP_NAMES] if kind == "maps" else [torch.stack([_viewpoints(sample) for sample in samples])]


def join_control(levels: list[Tensor]) -> Tensor:
    """The controls of render samples, their views in tile order.

    Returns (B, 4, 6, H, W) float32, normal and position maps in [-1, 1] (black = -1 outside the object), or for "viewpoint" (B, 4, 3) unit
    vectors from the object to the camera.
    """
    return torch.cat([to_pixels(part) for part in levels], dim=2)


def control_from_views(sample: Decoded, kind: ControlKind = "maps") -> Tensor:
    """The control of one decoded render sample, an entry of `join_control`. Raises ValueError naming what the sample lacks."""
    return join_control(control_levels([sample], kind))[0]


def _viewpoints(sample: Decoded) -> Tensor:
    cameras: dict[str, Any] = {view["name"]: view["camera"] for view in sample[VIEWS_RECORD]["views"]}
    missing = set(ORTHOGONAL_NAMES) - set(cameras)
    if missing:
        raise ValueError(f"render sample {sample['__key__']!r} has no camera of {sorted(missing)}: render it with the plan orthogonal4")
    centres = np.stack([CameraRecord.model_validate(cameras[name]).to_camera().world_position() for name in ORTHOGONAL_NAMES])
    return torch.from_numpy(centres / np.linalg.norm(centres, axis=1, keepdims=True)).float()


def spread_over_tiles(added: Tensor, tokens: int) -> Tensor:
    """(B, 4, tokens of a tile or 1, D) -> (B, tokens, D) in the tile-by-tile order of the backbone."""
    return added.expand(-1, -1, tokens // VIEWS, -1).flatten(1, 2)
