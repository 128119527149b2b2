"""Planning says which thresholds were chosen for other models than those that run."""

from pathlib import Path

import pytest

from data_specs.align_params import AlignParams, FilterParams
from data_specs.params import load_params
from tasks.align import task
from tasks.align.chosen_for import JUDGED_BY, inherited_thresholds
from tasks.artefacts import Workspace
from tests.tasks.align.quick_models import write_pictures


def test_every_role_and_rule_exists() -> None:
    assert set(JUDGED_BY) <= set(AlignParams.model_fields)
    assert {rule for rules in JUDGED_BY.values() for rule in rules} <= set(FilterParams.model_fields)


def test_models_of_the_paper_inherit_thresholds_until_others_are_set() -> None:
    assert inherited_thresholds(load_params("micro").align) == ""
    said = inherited_thresholds(load_params("paper").align)
    assert all(f"{role} " in said for role in JUDGED_BY) and "detector grounding_dino by thresholds of contrast (box_score, " in said
    tuned = load_params("paper", ["align.filters.box_score=0.4", "align.filters.box_count=0.5", "align.filters.second_object=0.6"]).align
    assert "detector" not in inherited_thresholds(tuned) and "segmenter" in inherited_thresholds(tuned)


def test_planning_says_it_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = write_pictures(tmp_path / "pictures", 1)
    overrides = ["align.source=folder", f"align.location={pictures}", "align.mesh.kind=hunyuan3d", "align.mesh.server_model=none"]
    task.plan(Workspace(tmp_path, "tiny"), load_params("tiny", overrides))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "chosen for other models" in line]
    assert line.startswith("align: ") and "mesh hunyuan3d by thresholds of nearest_asset (silhouette_iou, depth_agreement, " in line
