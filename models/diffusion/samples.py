"""Decoded samples of shards (arrays and JSON by member name) to tensors in [-1, 1]."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_specs.view import ORTHOGONAL_NAMES, MapName
from models.diffusion.pictures import on_white, to_tensors

Decoded = dict[str, Any]

VIEWS_RECORD = "views.json"
MATCHED_RECORD = "matched.json"
RGB_MEMBERS = rf"views\.json|({'|'.join(ORTHOGONAL_NAMES)})\.rgb\.\w+"
VIEW_MEMBERS = rf"views\.json|({'|'.join(ORTHOGONAL_NAMES)})\.(rgb|normal|position)\.\w+"
MATCHED_MEMBERS = r"matched\.json|view\d+\.rgb\.\w+"


def view_tensors(sample: Decoded, name: MapName) -> Tensor:
    """One map of the four orthogonal views of a render sample, in tile order: (4, 3, H, W) float32.

    RGB is composited on white; normals and positions keep their stored coding (black outside the object).
    Raises ValueError naming sample and view when it is not there.
    """
    views = {view["name"]: view for view in sample[VIEWS_RECORD]["views"]}
    missing = [view for view in ORTHOGONAL_NAMES if view not in views or views[view]["members"].get(name) not in sample]
    if missing:
        raise ValueError(f"render sample {sample['__key__']!r} has no {name} of view {missing[0]!r}: render it with the plan orthogonal4")
    arrays = [sample[views[view]["members"][name]] for view in ORTHOGONAL_NAMES]
    return _tensors([on_white(array) if name == "rgb" else array for array in arrays])


def matched_tensors(sample: Decoded) -> Tensor:
    """The pictures of a matched real sample on white: (pictures, 3, H, W) float32. Raises ValueError when a named member is missing."""
    members = sample[MATCHED_RECORD]["members"]
    missing = [member for member in members if member not in sample]
    if missing or not members:
        raise ValueError(f"matched_real sample {sample['__key__']!r} has no picture {missing[0] if missing else ''}")
    return _tensors([on_white(sample[member]) for member in members])


def caption_of(sample: Decoded) -> str:
    """The caption of a render or matched real sample."""
    record = sample.get(VIEWS_RECORD) or sample[MATCHED_RECORD]
    return str(record["caption"])


def stack(tensors: list[Tensor]) -> Tensor:
    """Stack along a new first axis. Raises ValueError for pictures of different sizes."""
    _check_sizes({tuple(tensor.shape) for tensor in tensors})
    return torch.stack(tensors)


def _tensors(pictures: list[np.ndarray]) -> Tensor:
    _check_sizes({picture.shape for picture in pictures})
    return to_tensors(pictures)


def _check_sizes(sizes: set[tuple[int, ...]]) -> None:
    if len(sizes) > 1:
        raise ValueError(f"pictures of different sizes in one batch: {sorted(sizes)}; set the same size_pixels for render and matched_real")


def pick(count: int, of: int, rng: np.random.Generator) -> list[int]:
    """`count` different indices below `of` in random order. Raises ValueError when there are not so many."""
    if count > of:
        raise ValueError(f"{count} pictures asked of a sample that has {of}")
    return [int(index) for index in rng.permutation(of)[:count]]
