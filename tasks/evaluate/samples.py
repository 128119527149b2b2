"""Pictures of held-out assets from the trained model, one file for each asset and mode, so that a killed evaluation goes on where it was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.image_codec import decode_image, encode_png
from tasks.artefacts import write_atomic
from tasks.evaluate.subjects import Subject


@dataclass(frozen=True)
class Mode:
    """A way to sample. layer_share, time_threshold: the blocks and timesteps that run in the synthetic domain (SPEC R8)."""

    name: str
    title: str
    layer_share: float
    time_threshold: int


Sampler = Callable[[list[Subject], Mode], list[np.ndarray]]
"""Assets and a mode -> the views (V, H, W, 3) uint8 of each asset."""


class SampleFolder:
    """Files `<asset>.<mode>.png`, the views of an asset side by side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, subjects: Sequence[Subject], mode: Mode, batch_size: int, sampler: Sampler, done: Callable[[int], None]) -> None:
        """Sample what is missing, in batches that do not depend on what is there already. done: called with the size of every finished batch."""
        for start in range(0, len(subjects), batch_size):
            batch = list(subjects[start : start + batch_size])
            if not all(self.path(subject.asset_id, mode).is_file() for subject in batch):
                for subject, views in zip(batch, sampler(batch, mode)):
                    write_atomic(self.path(subject.asset_id, mode), encode_png(np.concatenate(list(views), axis=1)))
            done(len(batch))

    def read(self, subject: Subject, mode: Mode) -> np.ndarray:
        """The stored views of an asset, (V, H, W, 3) uint8."""
        row = decode_image(self.path(subject.asset_id, mode).read_bytes())
        return np.stack(np.split(row, len(subject.record.views), axis=1))

    def path(self, key: str, mode: Mode) -> Path:
        """The file of an asset and mode."""
        return self.folder / f"{key}.{mode.name}.png"
