"""What every row of a suite is measured on and against: held-out assets, an embedder, pictures of the base and photographic pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from data_specs.ids import content_id
from data_specs.params import Params
from data_specs.suite import Surface
from models.metrics.distribution import frechet_distance, kernel_distance
from models.metrics.embedder import LayerEmbedder, PairEmbedder, TextPictureEmbedder, prompt_match
from models.metrics.multiview import Consistency, back_projection_consistency, hull_consistency
from models.metrics.perceptual import perceptual_distance
from tasks.artefacts import Workspace
from tasks.evaluate.embedding import OpenedEmbedder, open_chosen
from tasks.evaluate.measures import published
from tasks.evaluate.samples import Mode, SampleFolder, Sampler
from tasks.evaluate.subjects import Subject, Subjects
from tasks.weights import find_model

VERSION = 2
"""Raised by hand when the same pictures would get other numbers, or the same base other pictures."""

BASE_MODE = Mode("views", "pictures of the base", 0.0, 0)
PHOTOGRAPHIC = "photographic_render"


@dataclass(frozen=True)
class SuiteMeasures:
    """references: "base" and, where there are any, "photographic" -> features (N, D) of their pictures. identity: plain data that defines it all."""

    subjects: list[Subject]
    chosen: OpenedEmbedder
    references: dict[str, np.ndarray]
    identity: dict[str, Any]

    def measure(self, sets: list[np.ndarray]) -> dict[str, Any]:
        """Every metric of SPEC R13 of one row: name -> value and, for those of single assets, `assets`.

        sets: the views (V, H, W, 3) uint8 of every subject.
        """
        return ({} if self.identity["surface"] == "none" else self._consistency(sets)) | self._distances(sets)

    def ends(self) -> dict[str, dict[str, Any]]:
        """What the two ends of the scale would measure, by title: the renders that training has of such assets, and its real pictures of them."""
        renders = self.measure([subject.true_views() for subject in self.subjects])
        return {
            "Renders of these views": renders,
            "Real pictures of these assets": self._distances([subject.photographs for subject in self.subjects]),
        }

    def _distances(self, sets: list[np.ndarray]) -> dict[str, Any]:
        """Realism and text alignment of pictures, whatever they show of each subject."""
        found: dict[str, Any] = {}
        named, embedder, features = self.chosen.naming.metric, self.chosen.embedder, self._features(sets)
        for name, reference in self.references.items():
            found[named("fid", name)] = {"value": published(frechet_distance(features, reference))}
            found[named("kid", name)] = {"value": published(kernel_distance(features, reference))}
        if isinstance(embedder, TextPictureEmbedder):
            matches = {subject.asset_id: prompt_match(embedder, views, subject.record.caption) for subject, views in zip(self.subjects, sets)}
            found[named("clip")] = _over_assets(matches)
        return found

    def _consistency(self, sets: list[np.ndarray]) -> dict[str, Any]:
        scores = {subject.asset_id: self._agreement(subject, views) for subject, views in zip(self.subjects, sets)}
        if self.identity["surface"] == "given_surface":  # which of its points two views see is then the same for every row
            scores = {key: score for key, score in scores.items() if score.psnr_shared is not None}
        names = {"consistency_psnr": "psnr", "consistency_ssim": "ssim", self.chosen.naming.metric("lpips"): "perceptual"}
        return {name: _over_assets({key: getattr(score, of) for key, score in scores.items()}) for name, of in names.items()} if scores else {}

    def _agreement(self, subject: Subject, views: np.ndarray) -> Consistency:
        if self.identity["surface"] == "visual_hull":
            return hull_consistency(views, [view.camera.to_camera() for view in subject.record.views], self._look)
        return back_projection_consistency(subject.surface_views(views), self._look)

    def _look(self, pictures: np.ndarray, again: np.ndarray) -> np.ndarray:
        embedder = self.chosen.embedder
        if isinstance(embedder, PairEmbedder):
            return embedder.pair_distance(pictures, again)
        assert isinstance(embedder, LayerEmbedder)
        return perceptual_distance(embedder.layers(pictures), embedder.layers(again))

    def _features(self, sets: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([self.chosen.embedder.features(pictures) for pictures in sets])


def open_suite_measures(workspace: Workspace, params: Params, base: Sampler, surface: Surface = "given_surface") -> SuiteMeasures:
    """Read the held-out assets and sample the base for their captions where that has not been done. base: makes four pictures of each.

    surface: what views are back-projected onto, if at all.
    Raises ValueError saying what to run first when data or the base is missing, or which split is empty.
    """
    data, ours = Subjects(workspace), params.evaluate
    keys = data.keys(ours.split, ours.max_assets)
    if not keys:
        raise ValueError(f"the {ours.split} split has no verified asset with pictures of both domains: raise assets.count")
    subjects, chosen = [data.read(key) for key in keys], open_chosen(workspace, ours)
    weights = find_model(workspace, ours.base, fetch=True).digest
    settings = {"steps": ours.sampling_steps, "guidance": ours.base_guidance}
    pictures = {"version": VERSION, "data": data.digests(), "assets": keys, "base": weights, **settings}
    folder = SampleFolder(workspace.runs / "evaluate" / f"base-{content_id(pictures)}")
    folder.fill(subjects, BASE_MODE, ours.batch_size, base, lambda done: None)
    references = {"base": [folder.read(subject, BASE_MODE) for subject in subjects]}
    if data.photograph_source(keys[0]) == PHOTOGRAPHIC:
        references["photographic"] = [subject.photographs for subject in subjects]
    features = {name: np.concatenate([chosen.embedder.features(some) for some in sets]) for name, sets in references.items()}
    return SuiteMeasures(subjects, chosen, features, {**pictures, "surface": surface, "embedder": chosen.identity})


def _over_assets(values: dict[str, Any]) -> dict[str, Any]:
    """The mean over assets, and the value of each."""
    return {"value": published(np.mean(list(values.values()))), "assets": {key: published(value) for key, value in values.items()}}
