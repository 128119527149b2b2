"""Decoded samples of shards (arrays and JSON by member name) to tensors in [-1, 1]."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_specs.view import ORTHOGONAL_NAMES, MapName
from models.diffusion.pictures import to_levels, to_pixels

Decoded = dict[str, Any]

VIEWS_RECORD = "views.json"
MATCHED_RECORD = "matched.json"
RGB_MEMBERS = rf"views\.json|({'|'.join(ORTHOGONAL_NAMES)})\.rgb\.\w+"
VIEW_MEMBERS = rf"views\.json|({'|'.join(ORTHOGONAL_NAMES)})\.(rgb|normal|position)\.\w+"
MATCHED_MEMBERS = r"matched\.json|view\d+\.rgb\.\w+"


def view_levels(samples: list[Decoded], name: MapName) -> Tensor:
    """One map of the four orthogonal views of render samples: (samples, 4 in tile order, 3, H, W) uint8 or uint16 (`pictures.to_levels`).

    RGB is composited on white; normals and positions keep their stored coding (black outside the object).
    Raises ValueError naming sample and view when a map is not there.
    """
    pictures = [_view_map(sample, view, name) for sample in samples for view in ORTHOGONAL_NAMES]
    return _levels(pictures).unflatten(0, (len(samples), len(ORTHOGONAL_NAMES)))


def view_tensors(sample: Decoded, name: MapName) -> Tensor:
    """One map of the four orthogonal views of a render sample: (4, 3, H, W) float32 in [-1, 1]."""
    return to_pixels(view_levels([sample], name))[0]


def _view_map(sample: Decoded, view: str, name: MapName) -> np.ndarray:
    record = next((record for record in sample[VIEWS_RECORD]["views"] if record["name"] == view), None)
    picture = None if record is None else sample.get(record["members"].get(name))
    if picture is None:
        raise ValueError(f"render sample {sample['__key__']!r} has no {name} of view {view!r}: render it with the plan orthogonal4")
    return picture


def matched_levels(samples: list[Decoded], chosen: Sequence[Sequence[int]]) -> Tensor:
    """The chosen pictures of matched real samples on white, as many of each: (samples, chosen, 3, H, W) uint8.

    Raises ValueError when a member that the record names is missing.
    """
    pictures = [_matched_pictures(sample)[place] for sample, places in zip(samples, chosen) for place in places]
    return _levels(pictures).unflatten(0, (len(samples), -1))


def matched_batch(samples: list[Decoded], chosen: Sequence[Sequence[int]]) -> Tensor:
    """`matched_levels` as float32 in [-1, 1]."""
    return to_pixels(matched_levels(samples, chosen))


def matched_tensors(sample: Decoded) -> Tensor:
    """All pictures of a matched real sample, as `matched_batch` has them: (pictures, 3, H, W) float32."""
    return matched_batch([sample], [range(len(_matched_pictures(sample)))])[0]


def matched_count(sample: Decoded) -> int:
    """How many pictures a matched real sample has."""
    return len(sample[MATCHED_RECORD]["members"])


def _matched_pictures(sample: Decoded) -> list[np.ndarray]:
    members = sample[MATCHED_RECORD]["members"]
    missing = [member for member in members if member not in sample]
    if missing or not members:
        raise ValueError(f"matched_real sample {sample['__key__']!r} has no picture {missing[0] if missing else ''}")
    return [sample[member] for member in members]


def caption_of(sample: Decoded) -> str:
    """The caption of a render or matched real sample."""
    record = sample.get(VIEWS_RECORD) or sample[MATCHED_RECORD]
    return str(record["caption"])


def stack(tensors: list[Tensor]) -> Tensor:
    """Stack along a new first axis. Raises ValueError for pictures of different sizes."""
    _check_sizes({tuple(tensor.shape) for tensor in tensors})
    return torch.stack(tensors)


def _levels(pictures: list[np.ndarray]) -> Tensor:
    _check_sizes({picture.shape for picture in pictures})
    return to_levels(pictures)


def _check_sizes(sizes: set[tuple[int, ...]]) -> None:
    if len(sizes) > 1:
        raise ValueError(f"pictures of different sizes in one batch: {sorted(sizes)}; set the same size_pixels for render and matched_real")


def pick(count: int, of: int, rng: np.random.Generator) -> list[int]:
    """`count` different indices below `of` in random order. Raises ValueError when there are not so many."""
    if count > of:
        raise ValueError(f"{count} pictures asked of a sample that has {of}")
    return [int(index) for index in rng.permutation(of)[:count]]
