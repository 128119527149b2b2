"""A suite with known samplers: every cell once, resumed where it was killed, and a record with every seed's value."""

import json
from pathlib import Path

import numpy as np
import pytest

import tasks.evaluate.photographs
from tasks.artefacts import Workspace
from tasks.evaluate.suite import describe, evaluate_cell, publish_suite
from tests.tasks.evaluate.suites import PARAMS, SEEDS, KnownSamplers, pretend_trained, small_suite
from tests.tasks.fabricated import TEST, WEIGHTS, make_data

SUITE = small_suite()
CELLS = [(row.name, seed) for seed in SEEDS for row in SUITE.rows if row.measured]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_data(tmp_path)
    pretend_trained(made, SUITE)
    return made


def run(workspace: Workspace, samplers: KnownSamplers) -> Path:
    for cell in CELLS:
        evaluate_cell(workspace, PARAMS, SUITE, cell, samplers)
    return publish_suite(workspace, PARAMS, SUITE, samplers)


def test_record_has_every_seed_with_mean_and_spread(workspace: Workspace) -> None:
    path = run(workspace, KnownSamplers())
    record = json.loads(path.read_bytes())
    assert path == workspace.folder("evaluate") / "small" / "metrics.json"
    rows = {row["name"]: row for row in record["rows"]}
    psnr = rows["plain"]["metrics"]["consistency_psnr"]
    values = list(psnr["seeds"].values())
    assert list(psnr["seeds"]) == ["0", "1", "2"] and len(set(values)) == 3
    assert psnr["mean"] == pytest.approx(np.mean(values), rel=1e-5) and psnr["spread"] == pytest.approx(np.std(values, ddof=1), rel=1e-3)
    assert rows["ours"]["metrics"]["fid@micro:base"]["mean"] < 0.7 * rows["plain"]["metrics"]["fid@micro:base"]["mean"]
    assert rows["sdedit"]["metrics"]["fid@micro:base"]["mean"] > rows["plain"]["metrics"]["fid@micro:base"]["mean"]
    assert rows["quoted"] == {"name": "quoted", "title": "Quoted", "published": {"FID_B": 181.92}, "metrics": {}, "runs": {}}
    assert rows["ours"]["runs"]["2"] == {"run": SUITE.run_name("ours", 2), "weights_sha256": WEIGHTS}
    assert record["assets"] == list(TEST) and record["checks"][0]["verdict"] == "yes"
    assert not any(name.startswith(("fid:", "kid:", "clip:")) for row in rows.values() for name in row["metrics"])


def test_text_shows_our_numbers_the_published_ones_and_the_checks(workspace: Workspace) -> None:
    text = describe(SUITE, run(workspace, KnownSamplers()))
    for expected in ("Small table", "a paper, table 9", "25.76", "141.9", "181.9", "[yes] Ours is better than Plain", "seeds 0, 1, 2", "±"):
        assert expected in text, expected


def test_the_ends_of_the_scale_are_measured_without_a_model(workspace: Workspace) -> None:
    path = run(workspace, KnownSamplers())
    record = json.loads(path.read_bytes())
    renders, photographs = ({name: metric["mean"] for name, metric in row["metrics"].items()} for row in record["ends"])
    plain = {name: metric["mean"] for name, metric in record["rows"][0]["metrics"].items()}
    assert renders["consistency_psnr"] > plain["consistency_psnr"]  # plain samples are these renders with noise
    assert photographs["fid@micro:base"] < 1e-3 < renders["fid@micro:base"]  # the base makes these very photographs
    assert "consistency_psnr" not in photographs and "fid@micro:photographic" not in photographs  # against themselves
    assert "Renders of these views" in describe(SUITE, path)


def test_photographs_are_measured_against_whatever_training_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the real pictures are the base's, the photographs are rendered: a whole column of the table would be missing."""
    workspace = make_data(tmp_path, "base_model")
    pretend_trained(workspace, SUITE)
    strip = np.random.default_rng(0).integers(0, 255, (32, 128, 3)).astype(np.uint8)
    monkeypatch.setattr(tasks.evaluate.photographs, "_photograph", lambda *_: strip)
    evaluate_cell(workspace, PARAMS, SUITE, ("plain", 0), KnownSamplers())
    record = json.loads(publish_suite(workspace, PARAMS, SUITE, KnownSamplers()).read_bytes())
    assert record["rows"][0]["metrics"]["fid@micro:photographic"]["mean"] > 0
    titles = [row["title"] for row in record["ends"]]
    assert titles == ["Renders of these views", "Training's pictures of the base", "Photographic renders of these assets"]
    assert record["ends"][1]["metrics"].keys() - record["ends"][2]["metrics"].keys() == {"fid@micro:photographic", "kid@micro:photographic"}


def test_a_short_trial_run_does_not_look_like_the_real_table(workspace: Workspace) -> None:
    path = run(workspace, KnownSamplers())
    record, text = json.loads(path.read_bytes()), describe(SUITE, path)
    assert record["at"] == SUITE.at.model_dump(mode="json")
    assert "Trained: short 2 steps of 4 at 0.1." in text
    assert "Sampled: 4 steps, guidance 4.5 (base 4.5); rows that shift: as published." in text


def test_every_cell_is_sampled_once_and_a_refined_row_starts_from_its_source(workspace: Workspace) -> None:
    samplers, again = KnownSamplers(), KnownSamplers()
    run(workspace, samplers)
    assert sorted(samplers.calls) == sorted(
        [("base", key, 0) for key in TEST] + [(row, key, seed) for row in ("plain", "sdedit", "ours") for key in TEST for seed in SEEDS]
    )
    evaluate_cell(workspace, PARAMS, SUITE, ("sdedit", 0), again)
    run(workspace, again)
    assert again.calls == []


def test_a_killed_suite_goes_on_and_gives_the_same_bytes(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    first, rest = KnownSamplers(die_at=9), KnownSamplers()
    with pytest.raises(RuntimeError, match="killed"):
        run(workspace, first)
    run(workspace, rest)
    assert len(first.calls) + len(rest.calls) == 2 + 9 * len(TEST)
    other = make_data(tmp_path_factory.mktemp("uninterrupted"))
    pretend_trained(other, SUITE)
    run(other, KnownSamplers())
    written = [{p.name: p.read_bytes() for p in sorted((w.folder("evaluate") / "small").rglob("*.*"))} for w in (workspace, other)]
    assert written[0] == written[1] and len(written[0]) == 1 + 3 * len(TEST)


def test_a_table_can_be_made_of_the_cells_there_are(workspace: Workspace) -> None:
    samplers = KnownSamplers()
    evaluate_cell(workspace, PARAMS, SUITE, ("plain", 0), samplers)
    path = publish_suite(workspace, PARAMS, SUITE, samplers)
    record = json.loads(path.read_bytes())
    rows = {row["name"]: row for row in record["rows"]}
    assert rows["plain"]["metrics"]["consistency_psnr"]["spread"] is None and rows["ours"]["metrics"] == {}
    assert {answer["verdict"] for answer in record["checks"]} == {"not known"}
    assert [path.name for path in sorted((path.parent / "samples").iterdir())] == [f"{key}.plain.png" for key in TEST]
    assert "–" in describe(SUITE, path)


def test_what_is_missing_is_named(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="has not been trained"):
        evaluate_cell(workspace, PARAMS, small_suite((9,)), ("plain", 9), KnownSamplers())
    (workspace.folder("train") / "micro_base" / "run.json").unlink()
    with pytest.raises(ValueError, match="'micro_base'"):
        evaluate_cell(workspace, PARAMS, SUITE, ("plain", 0), KnownSamplers())
