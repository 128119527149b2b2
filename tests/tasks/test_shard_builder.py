"""Items to a shard: order kept, failures and verdicts in the row, a finished shard left alone."""

from pathlib import Path

import pytest

from data_specs.decision import Decision
from data_specs.params import ExecutionParams
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.progress import Progress
from tasks.shard_builder import build_shard
from tasks.shard_io import read_shard

PLAN = ShardPlan(word="render", split="train", index=0, inputs=["x"], params={}, version=1)


def work(name: str) -> tuple[Sample | None, list[Decision]]:
    if name == "bad":
        raise ValueError("no faces")
    if name == "slow":
        while True:
            pass
    if name == "silent":
        return None, []
    verdict = Decision(item_id=name, stage="render", verdict="dropped" if name == "dull" else "kept", rule="interest")
    return (None if name == "dull" else Sample(name, {"a.json": b"{}"})), [verdict]


def build(folder: Path, names: list[str], progress: Progress | None = None) -> object:
    return build_shard(Ledger(folder, "render"), PLAN, work, [(n, n) for n in names], Pool(ExecutionParams()), 0.3, "render", progress)


def test_everything_ends_as_sample_or_decision(tmp_path: Path) -> None:
    with Progress(Workspace(tmp_path, "tiny"), "render", 5) as progress:
        row = build(tmp_path / "out", ["c", "bad", "a", "slow", "dull"], progress)
    assert row.samples == ["c", "a"] == [sample.key for sample in read_shard(tmp_path / "out" / row.file)]  # type: ignore[attr-defined]
    dropped = {d.item_id: (d.rule, d.message) for d in row.decisions if d.verdict == "dropped"}  # type: ignore[attr-defined]
    assert dropped == {"bad": ("error", "ValueError: no faces"), "slow": ("timeout", "no result within 0.3 s"), "dull": ("interest", "")}
    assert progress.done == 5


def test_a_finished_shard_is_not_built_again(tmp_path: Path) -> None:
    row = build(tmp_path, ["a"])
    assert build(tmp_path, ["bad"]) == row


def test_neither_sample_nor_reason_is_an_error_of_the_stage(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'silent' gave neither a sample nor a reason"):
        build(tmp_path, ["a", "silent"])
    assert Ledger(tmp_path, "render").row(PLAN) is None
