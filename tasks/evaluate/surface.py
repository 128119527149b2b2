"""What the views of a model are back-projected onto: it follows from what the model is told of the object."""

from pathlib import Path

import numpy as np

from data_specs.suite import Surface
from models.diffusion.folder_config import read_config
from models.metrics.multiview import Consistency, PairDistance, back_projection_consistency, hull_consistency
from tasks.evaluate.subjects import Subject

SURFACES: dict[Surface, str] = {
    "given_surface": "the surface, inside the mask (R13), of assets of whose surface two views see some",
    "visual_hull": "the visual hull of their silhouettes (R13, views without geometry): disagreement of outlines shows, of colours hardly",
}
"""What views are back-projected onto, in words."""


def surface_of(folder: Path) -> Surface:
    """The asset's surface where the model is given maps of it, the visual hull where it knows cameras alone, none where it makes single pictures.

    folder: of the model. Raises ValueError naming the file that is missing or wrong.
    """
    described = (read_config(folder).model_extra or {}).get("realiz3d", {})
    if described.get("views") == "apart":
        return "none"
    return "visual_hull" if described.get("control") == "viewpoint" else "given_surface"


def agreement(subject: Subject, views: np.ndarray, surface: Surface, look: PairDistance | None = None) -> Consistency:
    """Consistency of a subject's views (V, H, W, 3) uint8 over a surface that is not `none`. look: how different pictures look, for `perceptual`."""
    if surface == "visual_hull":
        return hull_consistency(views, [view.camera.to_camera() for view in subject.record.views], look)
    return back_projection_consistency(subject.surface_views(views), look)
