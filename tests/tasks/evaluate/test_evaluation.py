"""The evaluation on a fabricated workspace with a sampler whose answers are known: the true views, once as they are and once spoilt."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_specs.params import load_params
from tasks.artefacts import Workspace
from tasks.evaluate.evaluation import evaluate, sampling_modes
from tasks.evaluate.samples import Mode
from tasks.evaluate.subjects import Subject
from tests.tasks.fabricated import MODEL_CONFIG, TEST, WEIGHTS, make_data, make_run

PARAMS = load_params("tiny", ["evaluate.batch_size=1"])


class KnownSampler:
    """synthetic: the true renders. real: the same with two views in other colours."""

    def __init__(self, die_at: int = 1000) -> None:
        self.calls: list[tuple[list[str], str]] = []
        self.die_at = die_at

    def __call__(self, subjects: list[Subject], mode: Mode) -> list[np.ndarray]:
        if len(self.calls) == self.die_at:
            raise RuntimeError("killed")
        self.calls.append(([subject.asset_id for subject in subjects], mode.name))
        return [self._views(subject, mode) for subject in subjects]

    def _views(self, subject: Subject, mode: Mode) -> np.ndarray:
        views = subject.true_views()
        if mode.name == "real":
            views[1::2] = views[1::2, ..., ::-1] // 2
        return views


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_data(tmp_path)
    make_run(made, "realiz3d_stage2")
    return made


def rows_of(path: Path) -> dict[str, dict]:
    return {row["name"]: row["metrics"] for row in json.loads(path.read_bytes())["rows"]}


def test_known_pictures_get_known_numbers(workspace: Workspace) -> None:
    path = evaluate(workspace, PARAMS, KnownSampler())
    rows = rows_of(path)
    assert rows["synthetic"]["consistency_psnr"] == rows["true_renders"]["consistency_psnr"]
    assert rows["true_renders"]["consistency_psnr"]["mean"] > 35.0
    assert rows["real"]["consistency_psnr"]["mean"] < rows["true_renders"]["consistency_psnr"]["mean"] - 10.0
    assert rows["synthetic"]["fid@micro:synthetic"]["mean"] == pytest.approx(0.0, abs=1e-6)
    assert rows["real"]["fid@micro:synthetic"]["mean"] > 0.1
    assert set(rows["true_renders"]) & {"fid@micro:synthetic", "kid@micro:synthetic"} == set()
    assert "consistency_psnr" not in rows["photographs"] and "other_photographs" in rows
    values = rows["real"]["consistency_psnr"]["values"]
    assert list(values) == list(TEST)
    assert rows["real"]["consistency_psnr"]["mean"] == pytest.approx(np.mean(list(values.values())), rel=1e-5)


def test_record_names_weights_data_and_columns(workspace: Workspace) -> None:
    record = json.loads(evaluate(workspace, PARAMS, KnownSampler()).read_bytes())
    assert record["weights_sha256"] == WEIGHTS and set(record["data"]) == {"shards", "render", "matched_real"}
    assert record["settings"]["sampling_steps"] == PARAMS.evaluate.sampling_steps
    measured = {name for row in record["rows"] for name in row["metrics"]}
    assert measured == {column["name"] for column in record["columns"]}
    assert not any(name in ("fid", "kid") for name in measured)


def test_pictures_of_the_base_are_not_called_photographs(tmp_path: Path) -> None:
    workspace = make_data(tmp_path, "base_model")
    make_run(workspace, "realiz3d_stage2")
    path = evaluate(workspace, PARAMS, KnownSampler())
    assert list(rows_of(path)) == ["true_renders", "base_pictures", "other_base_pictures", "synthetic", "real"]
    assert "photograph" not in path.read_text() and "Distance to pictures of the base" in path.read_text()


@pytest.mark.parametrize(
    ("control", "views", "measured"), [("viewpoint", "together", {"consistency_psnr", "consistency_ssim"}), ("maps", "apart", set())]
)
def test_consistency_is_of_what_the_model_knows(workspace: Workspace, control: str, views: str, measured: set[str]) -> None:
    config = workspace.folder("train") / "realiz3d_stage2" / "model" / "config.json"
    config.write_text(json.dumps(MODEL_CONFIG | {"realiz3d": {"control": control, "views": views}}))
    record = json.loads(evaluate(workspace, PARAMS, KnownSampler()).read_bytes())
    assert {name for row in record["rows"] for name in row["metrics"] if "consistency" in name} == measured
    assert {column["name"] for column in record["columns"] if "consistency" in column["name"]} == measured
    assert all("hull" in column["meaning"] for column in record["columns"] if column["name"] == "consistency_psnr")


def test_a_killed_evaluation_goes_on_and_gives_the_same_bytes(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        evaluate(workspace, PARAMS, KnownSampler(die_at=3))
    assert not (workspace.folder("evaluate") / "metrics.json").exists()
    rest = KnownSampler()
    evaluate(workspace, PARAMS, rest)
    assert rest.calls == [([TEST[1]], "real")]
    other = make_data(tmp_path_factory.mktemp("uninterrupted"))
    make_run(other, "realiz3d_stage2")
    evaluate(other, PARAMS, KnownSampler())
    bytes_of = [{p.name: p.read_bytes() for p in sorted(w.folder("evaluate").rglob("*.*"))} for w in (workspace, other)]
    assert bytes_of[0] == bytes_of[1] and len(bytes_of[0]) == 5


def test_other_settings_sample_again_and_leave_no_strays(workspace: Workspace) -> None:
    evaluate(workspace, PARAMS, KnownSampler())
    fewer = KnownSampler()
    evaluate(workspace, load_params("tiny", ["evaluate.max_assets=1"]), fewer)
    assert [keys for keys, _ in fewer.calls] == [[TEST[0]], [TEST[0]]]
    assert sorted(path.name for path in (workspace.folder("evaluate") / "samples").iterdir()) == ["ball_e.real.png", "ball_e.synthetic.png"]


def test_what_is_missing_is_named(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ValueError, match="validation split has no verified asset"):
        evaluate(workspace, load_params("tiny", ["evaluate.split=validation"]), KnownSampler())
    with pytest.raises(ValueError, match="'realiz3d_stage1' has not been trained"):
        evaluate(workspace, load_params("tiny", ["evaluate.run=realiz3d_stage1"]), KnownSampler())
    with pytest.raises(ValueError, match="atelier3d shards"):
        evaluate(Workspace(tmp_path_factory.mktemp("empty"), "tiny"), PARAMS, KnownSampler())


def test_modes_are_those_of_the_paper() -> None:
    synthetic, real = sampling_modes(PARAMS.evaluate)
    assert synthetic.layer_share == 1.0
    assert (real.layer_share, real.time_threshold) == (0.3, 950)
