"""The choice of B_max and t_max on hand-made grids, and the whole tuning with known samplers."""

import json
from pathlib import Path

import pytest

from data_specs.params import load_params
from models.image_codec import decode_image
from tasks.artefacts import Workspace
from tasks.evaluate.samples import Mode
from tasks.evaluate.subjects import Subject
from tasks.evaluate.tuning import LAYER_SHARES, TIME_THRESHOLDS, Trial, choose, describe, tune
from tests.tasks.evaluate.suites import KnownSamplers
from tests.tasks.fabricated import MODEL_CONFIG, TEST, make_data, make_run

PARAMS = load_params("tiny", ["evaluate.tuning.split=test", "evaluate.tuning.tolerance=0.1"])


def grid(*values: tuple[float, float]) -> list[Trial]:
    """(control, realism) for 0, 10, 20 ... percent of the blocks."""
    return [Trial(0.1 * place, 1000, control, realism) for place, (control, realism) in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "tolerance", "chosen"),
    [
        ([(20.0, 100.0), (21.0, 104.0), (22.0, 105.0), (23.0, 106.0)], 0.05, 2),  # the most controllable within 5 %
        ([(20.0, 100.0), (21.0, 104.0), (22.0, 105.0), (23.0, 106.0)], 0.0, 0),  # nothing may be lost
        ([(20.0, 100.0), (23.0, 120.0), (21.0, 102.0), (22.0, 130.0)], 0.05, 2),  # not monotonous
        ([(20.0, 100.0), (19.0, 90.0), (18.0, 80.0)], 0.05, 0),  # more realism is no reason
        ([(20.0, 100.0), (20.0, 100.0)], 0.05, 0),  # of equals the one that shifts least
        ([(20.0, 100.0), (21.0, 95.0), (22.0, 101.0)], 0.02, 2),  # the loss is against no shifting, not against the best
    ],
)
def test_choice(values: list[tuple[float, float]], tolerance: float, chosen: int) -> None:
    trials = grid(*values)
    assert choose(trials, trials[0], tolerance) is trials[chosen]


def test_without_any_within_the_tolerance_the_first_is_kept() -> None:
    trials = grid((20.0, 130.0), (21.0, 140.0))
    assert choose(trials, Trial(0.0, 1000, 19.0, 100.0), 0.05) is trials[0]


class Shifting(KnownSamplers):
    """Any shift of blocks helps a little; timesteps from 900 down cost realism."""

    def _views(self, subject: Subject, mode: Mode, seed: int):
        real, synthetic = subject.real_pictures.astype(float), subject.true_views().astype(float)
        part = 0.1 + 0.02 * (mode.layer_share >= 0.2) + 0.8 * (mode.time_threshold <= 900)
        return (real * (1 - part) + synthetic * part).round().astype("uint8")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_data(tmp_path)
    for name in ("micro_base", PARAMS.evaluate.run):
        make_run(made, name)
    return made


def test_first_the_layers_then_the_timesteps(workspace: Workspace) -> None:
    samplers = Shifting()
    path = tune(workspace, PARAMS, samplers)
    record = json.loads(path.read_bytes())
    layers, times = record["sweeps"]["layer_share"], record["sweeps"]["time_threshold"]
    assert [(trial["layer_share"], trial["time_threshold"]) for trial in layers] == [(share, 1000) for share in LAYER_SHARES]
    assert [trial["time_threshold"] for trial in times] == list(TIME_THRESHOLDS) and len({trial["layer_share"] for trial in times}) == 1
    assert layers[0]["loss"] == 0.0 and record["chosen"] in times
    assert record["assets"] == list(TEST) and record["wanted_assets"] == 20
    assert len([call for call in samplers.calls if call[0] != "base"]) == 9 * len(TEST)
    assert decode_image((path.parent / "grid.png").read_bytes()).shape[0] > 9 * 32
    text = describe(path)
    assert "of 20 wanted" in text and text.count("<- chosen") in (1, 2) and "--set evaluate.layer_share=" in text


def test_views_without_geometry_are_tuned_on_their_hull_and_single_pictures_not_at_all(workspace: Workspace) -> None:
    config = workspace.folder("train") / PARAMS.evaluate.run / "model" / "config.json"
    config.write_text(json.dumps(MODEL_CONFIG | {"realiz3d": {"control": "viewpoint"}}))
    on_hull = json.loads(tune(workspace, PARAMS, Shifting()).read_bytes())
    assert on_hull["surface"] == "visual_hull" and on_hull["realism"] == "fid@micro:base"
    config.write_text(json.dumps(MODEL_CONFIG | {"realiz3d": {"views": "apart"}}))
    with pytest.raises(ValueError, match="makes single pictures"):
        tune(workspace, PARAMS, Shifting())


def test_tuning_goes_on_where_it_was(workspace: Workspace) -> None:
    tune(workspace, PARAMS, Shifting())
    again = Shifting()
    tune(workspace, PARAMS, again)
    assert again.calls == []
