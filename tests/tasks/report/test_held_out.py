"""Held-out assets: what is said of them."""

import json
from pathlib import Path

from tasks.evaluate.evaluation import METRICS
from tasks.report.held_out import consistency_of
from tasks.report.task import write_report
from tests.tasks.report.test_page import PARAMS, full_workspace

ROW = {"title": "real", "metrics": {"consistency_psnr": {"values": {"chair": 30.0}}}}


def test_an_asset_has_the_consistency_of_the_rows_that_measured_it() -> None:
    metrics = {"rows": [ROW, {"title": "truth", "metrics": {}}]}
    assert consistency_of("chair", metrics) == {"real": 30.0}
    assert consistency_of("disc", metrics) == {}


def test_report_says_where_no_two_views_show_the_same_surface(tmp_path: Path) -> None:
    workspace = full_workspace(tmp_path)
    path = workspace.folder("evaluate") / METRICS
    metrics = json.loads(path.read_text())
    for row in metrics["rows"]:
        row["metrics"].pop("consistency_psnr", None)
    path.write_text(json.dumps(metrics))
    assert "no two views show the same surface" in write_report.fn(workspace, PARAMS).read_text()
