"""Trained models and the base as samplers of held-out assets."""

from pathlib import Path

import numpy as np
import torch

from data_specs.ids import seed_from
from data_specs.matched_real import VIEW_WORDS
from data_specs.params import EvaluateParams
from models.diffusion.picture_sampling import photographic_prompt, sample_pictures
from models.diffusion.text_to_image import TextToImage, load_text_to_image
from models.realiz3d.methods import load_method
from models.realiz3d.network import Realiz3D
from models.realiz3d.sampling import SamplingSettings, control_from_views, sample_views
from models.realiz3d.sdedit import refine_views
from tasks.artefacts import Workspace
from tasks.evaluate.samples import Mode, Sampler
from tasks.evaluate.subjects import Subject
from tasks.weights import find_model


class ModelSampler:
    """Loads the model at its first use, on a GPU where there is one."""

    def __init__(self, folder: Path, params: EvaluateParams, seed: int = 0) -> None:
        """folder: of the model. seed: of the noise."""
        self.folder, self.params, self.seed = folder, params, seed
        self._model: Realiz3D | None = None

    def __call__(self, subjects: list[Subject], mode: Mode) -> list[np.ndarray]:
        """Views (4, H, W, 3) uint8 of every asset. An asset's noise depends on its id and the seed alone: all modes start from the same."""
        if self._model is None:
            self._model = load_method(self.folder).to(_device())
        control = torch.stack([control_from_views(subject.render, self._model.config.control) for subject in subjects])
        settings = SamplingSettings(self.params.sampling_steps, self.params.guidance, mode.layer_share, mode.time_threshold)
        streams = [np.random.default_rng(seed_from("evaluate", self.seed, subject.asset_id)) for subject in subjects]
        return list(sample_views(self._model, control, [subject.record.caption for subject in subjects], settings, streams))


class ModelSamplers:
    """The samplers of a suite's rows (`tasks.evaluate.cells.Samplers`)."""

    def __init__(self, workspace: Workspace, params: EvaluateParams) -> None:
        self.workspace, self.params = workspace, params
        self._base: TextToImage | None = None

    def base(self) -> Sampler:
        """Four pictures of the base for each caption, one per view word."""
        return self._pictures

    def method(self, run: str, seed: int) -> Sampler:
        """A trained run."""
        return ModelSampler(self.workspace.folder("train") / run / "model", self.params, seed)

    def refine(self, views: list[np.ndarray], subjects: list[Subject], start: int, seed: int) -> list[np.ndarray]:
        """SDEdit (SPEC R11)."""
        captions = [photographic_prompt(subject.record.caption) for subject in subjects]
        streams = [np.random.default_rng(seed_from("sdedit", seed, subject.asset_id)) for subject in subjects]
        return list(refine_views(self._loaded(), np.stack(views), captions, self._settings(), streams, start))

    def _pictures(self, subjects: list[Subject], mode: Mode) -> list[np.ndarray]:
        pairs = [(subject, word) for subject in subjects for word in VIEW_WORDS]
        prompts = [photographic_prompt(subject.record.caption, word) for subject, word in pairs]
        streams = [np.random.default_rng(seed_from("base", subject.asset_id, word)) for subject, word in pairs]
        settings = self._settings()
        pictures = sample_pictures(self._loaded(), prompts, settings.steps, settings.guidance, streams)
        return list(pictures.reshape(len(subjects), len(VIEW_WORDS), *pictures.shape[1:]))

    def _loaded(self) -> TextToImage:
        if self._base is None:
            self._base = load_text_to_image(find_model(self.workspace, self.params.base).folder).to(_device()).eval()
        return self._base

    def _settings(self) -> SamplingSettings:
        return SamplingSettings(self.params.sampling_steps, self.params.base_guidance)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
