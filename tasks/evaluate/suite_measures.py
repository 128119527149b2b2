"""What every row of a suite is measured on and against: held-out assets, an embedder, pictures of the base and photographs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from data_specs.ids import content_id
from data_specs.matched_real import RealSource
from data_specs.params import Params
from data_specs.suite import Surface
from models.metrics.distribution import frechet_distance, kernel_distance
from models.metrics.embedder import LayerEmbedder, PairEmbedder, TextPictureEmbedder, prompt_match
from models.metrics.perceptual import perceptual_distance
from tasks.artefacts import Workspace
from tasks.evaluate.embedding import OpenedEmbedder, open_chosen
from tasks.evaluate.measures import published
from tasks.evaluate.photographs import Photographs, open_photographs
from tasks.evaluate.samples import Mode, SampleFolder, Sampler
from tasks.evaluate.subjects import Subject, Subjects
from tasks.evaluate.surface import agreement
from tasks.weights import find_model

VERSION = 2
"""Raised by hand when the same pictures would get other numbers, or the same base other pictures."""

BASE_MODE = Mode("views", "pictures of the base", 0.0, 0)
REAL_ENDS: dict[RealSource, str] = {"photographic_render": "Real pictures of these assets", "base_model": "Training's pictures of the base"}


@dataclass(frozen=True)
class SuiteMeasures:
    """references: "base" and, where there are any, "photographic" -> features (N, D) of their pictures. identity: plain data that defines it all.

    real_source: what the subjects' real pictures are; photographs: those they are measured against.
    """

    subjects: list[Subject]
    chosen: OpenedEmbedder
    references: dict[str, np.ndarray]
    real_source: RealSource
    photographs: Photographs
    identity: dict[str, Any]

    def measure(self, sets: list[np.ndarray]) -> dict[str, Any]:
        """Every metric of SPEC R13 of one row: name -> value and, for those of single assets, `assets`.

        sets: the views (V, H, W, 3) uint8 of every subject.
        """
        return ({} if self.identity["surface"] == "none" else self._consistency(sets)) | self._distances(self.subjects, sets)

    def ends(self) -> dict[str, dict[str, Any]]:
        """What the ends of the scale would measure, by title: renders as training has them, its real pictures of the assets, and photographs."""
        themselves = "photographic" if self.real_source == "photographic_render" else ""
        found = {
            "Renders of these views": self.measure([subject.true_views() for subject in self.subjects]),
            REAL_ENDS[self.real_source]: self._distances(self.subjects, [subject.real_pictures for subject in self.subjects], themselves),
        }
        if self.photographs.rendered and self.photographs.of:
            shown = [subject for subject in self.subjects if subject.asset_id in self.photographs.of]
            found["Photographic renders of these assets"] = self._distances(
                shown, [self.photographs.of[subject.asset_id] for subject in shown], "photographic"
            )
        return found

    def _distances(self, subjects: list[Subject], sets: list[np.ndarray], not_against: str = "") -> dict[str, Any]:
        """Realism and text alignment of pictures, whatever they show of each of some subjects.

        not_against: the reference that holds these very pictures: a distance to itself says nothing.
        """
        found: dict[str, Any] = {}
        named, embedder, features = self.chosen.naming.metric, self.chosen.embedder, self._features(sets)
        for name, reference in self.references.items():
            if name == not_against:
                continue
            found[named("fid", name)] = {"value": published(frechet_distance(features, reference))}
            found[named("kid", name)] = {"value": published(kernel_distance(features, reference))}
        if isinstance(embedder, TextPictureEmbedder):
            matches = {subject.asset_id: prompt_match(embedder, views, subject.record.caption) for subject, views in zip(subjects, sets)}
            found[named("clip")] = _over_assets(matches)
        return found

    def _consistency(self, sets: list[np.ndarray]) -> dict[str, Any]:
        surface = self.identity["surface"]
        scores = {subject.asset_id: agreement(subject, views, surface, self._look) for subject, views in zip(self.subjects, sets)}
        if surface == "given_surface":  # which of its points two views see is then the same for every row
            scores = {key: score for key, score in scores.items() if score.psnr_shared is not None}
        names = {"consistency_psnr": "psnr", "consistency_ssim": "ssim", self.chosen.naming.metric("lpips"): "perceptual"}
        return {name: _over_assets({key: getattr(score, of) for key, score in scores.items()}) for name, of in names.items()} if scores else {}

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
    photographs = open_photographs(workspace, params, data, keys)
    if photographs.of:
        references["photographic"] = list(photographs.of.values())
    features = {name: np.concatenate([chosen.embedder.features(some) for some in sets]) for name, sets in references.items()}
    identity = {
        **pictures,
        "surface": surface,
        "embedder": chosen.identity,
        **({"photographs": photographs.rendered} if photographs.rendered else {}),
    }
    return SuiteMeasures(subjects, chosen, features, data.real_source(keys[0]), photographs, identity)


def _over_assets(values: dict[str, Any]) -> dict[str, Any]:
    """The mean over assets, and the value of each."""
    return {"value": published(np.mean(list(values.values()))), "assets": {key: published(value) for key, value in values.items()}}
