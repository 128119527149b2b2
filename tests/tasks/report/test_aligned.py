"""The panel of aligned pictures: a funnel, kept ones with their geometry in the colours that their record names, a link to the QA page."""

from pathlib import Path

import numpy as np
import pytest

from data_specs.params import load_params
from tasks.ledger import Ledger
from tasks.report.aligned import TILE_PIXELS, aligned
from tasks.report.inputs import Inputs, MissingError
from tasks.report.task import write_report
from tests.tasks.fabricated import HOSTILE, SIZE_PIXELS, make_data, views_of
from tests.tasks.fabricated_alignment import ALIGNED, make_aligned
from tests.tasks.report.test_page import Outline
from tests.tasks.report.test_pictures import opened

PARAMS = load_params("tiny")


def test_what_the_panel_shows(tmp_path: Path) -> None:
    workspace = make_data(tmp_path)
    make_aligned(workspace)
    facts = aligned(Inputs(workspace, PARAMS))
    assert (facts["stage"]["entered"], facts["stage"]["kept"], facts["stage"]["rules"]) == (3, 2, [("silhouette_iou", 1)])
    assert [one["record"].subject_id for one in facts["subjects"]] == list(ALIGNED) and facts["qa_page"] == "../align/qa.html"
    assert SIZE_PIXELS < TILE_PIXELS, "so that pixels of the strips are those of the maps"
    strip, target = opened(facts["subjects"][0]["at_pose"]).astype(int), views_of("ball_a")[0]
    point_map = strip[:SIZE_PIXELS, -SIZE_PIXELS:]
    assert (point_map[~target.mask] > 225).mean() > 0.9, "white where there is no surface"
    inner = np.abs(target.position[..., :2]).max(axis=-1) < 0.3
    expected = 255 * np.stack([target.position[..., 0] + 0.5, (target.position[..., 1] + 1) / 2], axis=-1)
    assert np.median(np.abs(point_map[..., :2] - expected)[inner & target.mask]) < 8, "x is stretched over the mesh's own box"


def test_views_of_another_plan_are_shown_alike(tmp_path: Path) -> None:
    for name in ("turn", "sphere"):
        make_aligned(make_data(tmp_path / name), name)
    turned, other = (aligned(Inputs(make_data(tmp_path / name), PARAMS))["subjects"][0]["turntable"] for name in ("turn", "sphere"))
    assert turned == other


def test_without_a_qa_page_nothing_is_linked_and_without_the_stage_it_is_named(tmp_path: Path) -> None:
    workspace = make_data(tmp_path)
    with pytest.raises(MissingError, match="atelier3d align --size tiny"):
        aligned(Inputs(workspace, PARAMS))
    Ledger(workspace.folder("align"), "align").publish([], size="tiny", version=1, params={}, inputs={}, entered=0)
    with pytest.raises(MissingError, match=r"align\.source"):
        aligned(Inputs(workspace, PARAMS))
    make_aligned(workspace)
    (workspace.folder("align") / "qa.html").unlink()
    assert aligned(Inputs(workspace, PARAMS))["qa_page"] == ""


def test_the_page_links_to_the_qa_page_alone_and_escapes_names(tmp_path: Path) -> None:
    workspace = make_data(tmp_path)
    make_aligned(workspace)
    page = write_report.fn(workspace, PARAMS).read_text()
    outline = Outline(page)
    assert [address for tag, attributes in outline.tags if tag == "a" and not (address := attributes["href"] or "").startswith("#")] == [
        "../align/qa.html"
    ]
    assert HOSTILE in outline.text and "<script>" not in page and "Aligned pictures" in outline.text
