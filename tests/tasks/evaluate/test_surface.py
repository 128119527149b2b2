"""What views are measured on follows from the model's config."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.metrics.multiview import back_projection_consistency, hull_consistency
from tasks.evaluate.subjects import Subjects
from tasks.evaluate.surface import agreement, surface_of
from tests.tasks.fabricated import MODEL_CONFIG, TEST, make_data


@pytest.mark.parametrize(
    ("config", "surface"),
    [
        ({"control": "maps", "views": "together"}, "given_surface"),
        ({"control": "viewpoint", "views": "together"}, "visual_hull"),
        ({"control": "maps", "views": "apart"}, "none"),
        ({}, "given_surface"),
    ],
)
def test_surface_of_a_model(tmp_path: Path, config: dict, surface: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(MODEL_CONFIG | {"realiz3d": config}))
    assert surface_of(tmp_path) == surface


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a model folder"):
        surface_of(tmp_path)


def test_agreement_is_measured_on_that_surface(tmp_path: Path) -> None:
    subject = Subjects(make_data(tmp_path)).read(TEST[0])
    views = subject.true_views()
    on_surface, on_hull = agreement(subject, views, "given_surface"), agreement(subject, views, "visual_hull")
    assert on_surface == back_projection_consistency(subject.surface_views(views))
    assert on_hull == hull_consistency(views, [view.camera.to_camera() for view in subject.record.views])
    assert not np.isclose(on_surface.psnr, on_hull.psnr)
