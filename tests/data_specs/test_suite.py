"""Suites: what is wrong is named, runs are named by what they train, sizes and overrides change what they may."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from data_specs.params import load_params
from data_specs.suite import BASE, NEVER, Suite, load_suite, split_overrides, suite_names

SIZE = {"seeds": [0, 1], "budgets": {"short": {"steps": 2, "batch_size": 4, "learning_rate": 0.1}}, "evaluate": {"max_assets": 3}}
SUITE: dict[str, Any] = {
    "title": "Small",
    "source": "nowhere",
    "runs": {
        "first": {"recipe": "realiz3d_stage1", "parents": {"base": BASE}, "budget": "short"},
        "second": {"recipe": "realiz3d_stage2", "parents": {"shifted": "first"}, "config": {"layer_aware": False}, "budget": "short"},
    },
    "rows": [
        {"name": "plain", "title": "Plain", "run": "second", "published": {"PSNR": 25.76}},
        {"name": "shifted", "title": "Shifted", "run": "second", "layer_share": 0.3, "time_threshold": 950},
        {"name": "again", "title": "Again", "of": "plain", "time_threshold": 500},
        {"name": "quoted", "title": "Quoted", "published": {"FID_B": 181.92}},
    ],
    "expectations": [{"kind": "beats", "row": "shifted", "over": ["plain"], "metric": "clip@micro"}],
}


def write(folder: Path, tree: dict[str, Any], size: dict[str, Any] | None = None, name: str = "small") -> Path:
    (folder / "sizes").mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    (folder / "sizes" / "tiny.yaml").write_text(yaml.safe_dump(size or SIZE))
    return folder


def small(folder: Path, overrides: tuple[str, ...] = (), **changes: Any) -> Suite:
    return load_suite("small", "tiny", overrides, write(folder, {**SUITE, **changes}))


def test_rows_know_the_runs_they_need_parents_first(tmp_path: Path) -> None:
    suite = small(tmp_path)
    plain, shifted, again, quoted = suite.rows
    first, second = suite.run_name("first", 0), suite.run_name("second", 0)
    assert suite.runs_of(plain, 0) == suite.runs_of(shifted, 0) == suite.runs_of(again, 0) == [first, second]
    assert suite.model_of(again, 0) == second
    assert [row.measured for row in (plain, again, quoted)] == [True, True, False]


def test_a_run_is_named_by_its_settings_parents_and_seed(tmp_path: Path) -> None:
    suite = small(tmp_path)
    other = load_suite(
        "other", "tiny", folder=write(tmp_path, {**SUITE, "runs": {"a": SUITE["runs"]["first"]}, "rows": [], "expectations": []}, name="other")
    )
    assert other.run_name("a", 0) == suite.run_name("first", 0)
    assert suite.run_name("first", 0) != suite.run_name("first", 1)
    changed = {**SUITE["runs"], "first": {**SUITE["runs"]["first"], "config": {"text_dropout": 0.2}}}
    assert small(tmp_path, runs=changed).run_name("second", 0) != suite.run_name("second", 0)


def test_parameters_get_every_run_of_every_seed(tmp_path: Path) -> None:
    suite, params = small(tmp_path), load_params("tiny")
    extended = suite.extend(params)
    assert extended.evaluate.max_assets == 3 and extended.evaluate.split == params.evaluate.split
    first, second = (extended.train.runs[suite.run_name(name, 1)] for name in ("first", "second"))
    assert first.parents == {"base": "micro_base"} and first.seed == 1 and first.steps == 2
    assert second.parents == {"shifted": suite.run_name("first", 1)} and second.config == {"layer_aware": False}
    assert set(extended.train.runs) == set(params.train.runs) | {suite.run_name(name, seed) for name in ("first", "second") for seed in (0, 1)}


def test_processes_of_this_machine_and_workers_of_ray_exclude_each_other(tmp_path: Path) -> None:
    overrides = ("suite.processes=2", "suite.train={workers: 1}")
    with pytest.raises(ValueError, match=r"suite\.processes=2"):
        small(tmp_path, overrides).extend(load_params("tiny"))
    assert small(tmp_path, ("suite.processes=2", "suite.train={workers: 0}")).extend(load_params("tiny")).train.workers == 0


def test_rows_that_a_size_leaves_out_take_their_expectations_along(tmp_path: Path) -> None:
    suite = small(tmp_path, leave_out={"tiny": ["plain"]})
    assert [row.name for row in suite.rows] == ["shifted", "quoted"] and suite.expectations == []


def test_a_size_has_its_own_shifting_for_the_rows_that_shift(tmp_path: Path) -> None:
    suite = small(tmp_path, ("suite.shifting={layer_share: 0.1, time_threshold: 900}",))
    shifting = {row.name: (row.layer_share, row.time_threshold) for row in suite.rows}
    assert shifting == {"plain": (0.0, NEVER), "shifted": (0.1, 900), "again": (0.0, 500), "quoted": (0.0, NEVER)}


def test_overrides_change_the_size(tmp_path: Path) -> None:
    suite = small(tmp_path, ("suite.seeds=[7]", "suite.budgets.short.steps=9"))
    assert suite.at.seeds == [7] and suite.at.budgets["short"].steps == 9
    assert split_overrides(["suite.seeds=[0]", "train.workers=0"]) == (["suite.seeds=[0]"], ["train.workers=0"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, ["colour"]),
        ({"runs": {"a": {**SUITE["runs"]["second"]}}}, ["runs.a.parents", "first"]),
        ({"runs": {**SUITE["runs"], "a": {"recipe": "x", "budget": "long"}}}, ["runs.a.budget", "long", "short"]),
        ({"rows": [{"name": "a", "title": "A", "run": "third"}]}, ["rows.a.run", "third"]),
        ({"rows": [{"name": "a", "title": "A", "of": "later"}]}, ["rows.a.of", "later"]),
        ({"rows": [{"name": "a", "title": "A", "run": "first", "published": {"FID": 3.0}}]}, ["published.FID"]),
        ({"rows": [{"name": "a", "title": "A", "run": "first", "of": "a"}]}, ["either"]),
        ({"expectations": [{"kind": "beats", "row": "nobody", "over": ["plain"], "metric": "m"}]}, ["expectations", "nobody"]),
        ({"expectations": [{"kind": "hopes", "row": "plain"}]}, ["hopes"]),
        ({"leave_out": {"tiny": ["nobody"]}}, ["leave_out.tiny", "nobody"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        small(tmp_path, **changes)
    assert all(word in str(error.value) for word in (*words, "small.yaml"))


def test_wrong_sizes_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path, SUITE, {**SIZE, "steps": 3})
    with pytest.raises(ValueError, match=r"at\.steps"):
        load_suite("small", "tiny", folder=folder)
    with pytest.raises(ValueError, match="nothing of size 'paper'"):
        load_suite("small", "paper", folder=folder)
    with pytest.raises(ValueError, match="no suite 'large': there are small"):
        load_suite("large", "tiny", folder=folder)
    with pytest.raises(ValueError, match="no_such_setting"):
        load_suite("small", "tiny", folder=write(tmp_path, SUITE, {**SIZE, "evaluate": {"no_such_setting": 1}})).extend(load_params("tiny"))


def test_the_suites_there_are() -> None:
    assert suite_names() == ["realiz3d_ablation", "realiz3d_binding", "realiz3d_layers", "realiz3d_multiview", "realiz3d_texturing"]
