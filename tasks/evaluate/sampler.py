"""The trained Realiz3D model as a sampler of held-out assets."""

from pathlib import Path

import numpy as np
import torch

from data_specs.ids import seed_from
from data_specs.params import EvaluateParams
from models.realiz3d.network import Realiz3D
from models.realiz3d.sampling import SamplingSettings, control_from_views, load_model, sample_views
from tasks.evaluate.samples import Mode
from tasks.evaluate.subjects import Subject


class ModelSampler:
    """Loads the model at its first use, on a GPU where there is one."""

    def __init__(self, folder: Path, params: EvaluateParams, seed: int = 0) -> None:
        """folder: of the model. seed: of the noise."""
        self.folder, self.params, self.seed = folder, params, seed
        self._model: Realiz3D | None = None

    def __call__(self, subjects: list[Subject], mode: Mode) -> list[np.ndarray]:
        """Views (4, H, W, 3) uint8 of every asset. An asset's noise depends on its id alone: all modes start from the same."""
        if self._model is None:
            self._model = load_model(self.folder).to("cuda" if torch.cuda.is_available() else "cpu")
        control = torch.stack([control_from_views(subject.render, self._model.config.control) for subject in subjects])
        settings = SamplingSettings(self.params.sampling_steps, self.params.guidance, mode.layer_share, mode.time_threshold)
        streams = [np.random.default_rng(seed_from("evaluate", self.seed, subject.asset_id)) for subject in subjects]
        return list(sample_views(self._model, control, [subject.record.caption for subject in subjects], settings, streams))
