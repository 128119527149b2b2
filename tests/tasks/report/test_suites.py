"""The panels of suites and of tuning: numbers, published numbers, verdicts and a strip of every method."""

from pathlib import Path

import pytest

from tasks.evaluate.suite import evaluate_cell, publish_suite
from tasks.evaluate.tuning import tune
from tasks.report.inputs import Inputs, MissingError
from tasks.report.maps import real_row
from tasks.report.suites import suites
from tasks.report.task import write_report
from tasks.report.tuning import tuning
from tests.tasks.evaluate.suites import PARAMS, KnownSamplers, pretend_trained, small_suite
from tests.tasks.fabricated import TEST, make_data, make_run
from tests.tasks.report.test_page import Outline

TUNED = PARAMS.model_copy(
    update={"evaluate": PARAMS.evaluate.model_copy(update={"tuning": PARAMS.evaluate.tuning.model_copy(update={"split": "test"})})}
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    workspace, suite, samplers = make_data(tmp_path_factory.mktemp("suite")), small_suite((0, 1)), KnownSamplers()
    pretend_trained(workspace, suite)
    make_run(workspace, PARAMS.evaluate.run)
    for seed in (0, 1):
        for row in ("plain", "sdedit", "ours"):
            evaluate_cell(workspace, PARAMS, suite, (row, seed), samplers)
    publish_suite(workspace, PARAMS, suite, samplers)
    tune(workspace, TUNED, samplers)
    return Inputs(workspace, PARAMS)


def test_every_method_is_shown_on_the_same_assets(inputs: Inputs) -> None:
    (shown,) = suites(inputs)["suites"]
    assert [asset["record"].asset_id for asset in shown["assets"]] == list(TEST)
    for asset in shown["assets"]:
        assert [label for label, _ in asset["rows"]] == ["control: normals", "Plain", "Refined", "Ours", "true render", "photographic pictures"]
        assert len({picture for _, picture in asset["rows"]}) == 6


def test_pictures_of_the_base_are_shown_as_such(tmp_path: Path) -> None:
    workspace = make_data(tmp_path, "base_model")
    assert [label for label, _ in real_row(Inputs(workspace, PARAMS), TEST[0])] == ["pictures of the base"]


def test_page_has_numbers_published_numbers_and_verdicts(inputs: Inputs) -> None:
    text = Outline(write_report.fn(inputs.workspace, PARAMS).read_text()).text
    for expected in ("Small table", "a paper, table 9", "25.76", "168.21", "Quoted", "Ours is better than Plain", "chosen", "B_max"):
        assert expected in text, expected


def test_tuning_marks_one_setting_in_each_sweep_at_most(inputs: Inputs) -> None:
    sweeps = tuning(inputs)["sweeps"]
    assert [len(sweep["trials"]) for sweep in sweeps] == [5, 5]
    assert sum(trial["chosen"] for trial in sweeps[1]["trials"]) == 1


def test_without_a_suite_the_command_is_named(tmp_path: Path) -> None:
    empty = Inputs(make_data(tmp_path), PARAMS)
    with pytest.raises(MissingError, match="--suite realiz3d_texturing"):
        suites(empty)
    with pytest.raises(MissingError, match="--tune"):
        tuning(empty)
