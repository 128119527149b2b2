"""Held-out assets with everything known about them: true views with their geometry, and pictures of the real domain."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from data_specs.conventions import decode_normal, decode_position
from data_specs.matched_real import MatchedRealRecord, RealSource
from data_specs.view import ViewsRecord
from models.diffusion.pictures import on_white
from models.geometry.back_projection import SurfaceView
from tasks.artefacts import Workspace
from tasks.sample_lookup import SampleLookup

OPAQUE = 255


@dataclass(frozen=True)
class Subject:
    """One asset. render: decoded members of its render sample, and "__key__". real_pictures: of the real domain, (P, H, W, 3) uint8, on white."""

    record: ViewsRecord
    render: dict[str, Any]
    real_pictures: np.ndarray

    @property
    def asset_id(self) -> str:
        """The asset's id."""
        return self.record.asset_id

    def true_views(self) -> np.ndarray:
        """The renders on white, (V, H, W, 3) uint8."""
        return np.stack([on_white(self.render[view.members["rgb"]]) for view in self.record.views])

    def surface_views(self, pictures: np.ndarray) -> list[SurfaceView]:
        """Pictures (V, H, W, 3) uint8 of the asset's views, on its geometry.

        The mask holds the pixels that the object covers wholly: those of the silhouette show the background too.
        """
        return [self._surface_view(v, picture) for v, picture in enumerate(pictures)]

    def _surface_view(self, v: int, picture: np.ndarray) -> SurfaceView:
        view = self.record.views[v]
        mask = (self.render[view.members["rgb"]][..., 3] == OPAQUE) & (self.render[view.members["depth"]] > 0)
        position = decode_position(self.render[view.members["position"]], mask).astype(np.float64)
        normal = decode_normal(self.render[view.members["normal"]], mask).astype(np.float64)
        return SurfaceView(picture / 255.0, mask, position, normal, view.camera.to_camera())


class Subjects:
    """The usable assets: those whose render and real pictures are verified."""

    def __init__(self, workspace: Workspace) -> None:
        """Raises ValueError saying which stage to run when a data set is missing."""
        self.verified = SampleLookup(workspace.folder("shards"))
        self.render, self.matched_real = SampleLookup(workspace.folder("render")), SampleLookup(workspace.folder("matched_real"))

    def keys(self, split: str, count: int) -> list[str]:
        """At most `count` ids of a split, in order of id."""
        return sorted(self.verified.keys(split))[:count]

    def read(self, key: str) -> Subject:
        """One asset. Raises ValueError naming the shard when it is damaged."""
        render = self.render.read(key)
        return Subject(ViewsRecord.model_validate(render["views.json"]), {"__key__": key, **render}, self.real_pictures(key))

    def real_pictures(self, key: str) -> np.ndarray:
        """The real pictures of one asset on white, (P, H, W, 3) uint8."""
        sample = self.matched_real.read(key)
        return np.stack([on_white(sample[member]) for member in MatchedRealRecord.model_validate(sample["matched.json"]).members])

    def real_source(self, key: str) -> RealSource:
        """Where the real pictures of an asset come from: rendered as photographs, or made by a base model."""
        return MatchedRealRecord.model_validate(self.matched_real.read(key, r"matched\.json")["matched.json"]).source

    def digests(self) -> dict[str, str]:
        """Word -> digest of the data sets behind the subjects."""
        return {"shards": self.verified.digest(), "render": self.render.digest(), "matched_real": self.matched_real.digest()}
