"""A small stage that tests kill, start twice and compare: twelve shards of eight samples, slow enough to be hit in the middle."""

import time
from pathlib import Path

from data_specs.decision import Decision
from data_specs.ids import seed_from
from data_specs.params import ExecutionParams
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.shard_builder import build_shard

WORD = "render"
SHARDS, ITEMS = 12, 8
PACE_S = 0.0015


def plans(version: int = 1) -> list[ShardPlan]:
    """The plans of the stage."""
    splits = ("train", "validation", "test")
    return [ShardPlan(word=WORD, split=splits[i % 3], index=i // 3, inputs=[f"in{i}"], params={}, version=version) for i in range(SHARDS)]


def work(name: str) -> tuple[Sample | None, list[Decision]]:
    """Bytes that depend on the name alone; every seventh item is dropped, every eleventh fails."""
    time.sleep(PACE_S)
    number = seed_from(name)
    if number % 11 == 0:
        raise ValueError(f"{name} is bad")
    if number % 7 == 0:
        return None, [Decision(item_id=name, stage=WORD, verdict="dropped", rule="seventh")]
    return Sample(name, {"a.rgb.png": str(number).encode() * (number % 2000), "views.json": b"{}"}), []


def items(plan: ShardPlan) -> list[tuple[str, str]]:
    """The items of a plan, as (id, payload)."""
    names = [f"{plan.split}-{plan.index}-{k}" for k in range(ITEMS)]
    return [(name, name) for name in names]


def build_everything(folder: Path) -> None:
    """Build what is missing and publish, as a stage does."""
    ledger = Ledger(folder, WORD)
    with Pool(ExecutionParams()) as pool:
        for plan in ledger.pending(plans()):
            build_shard(ledger, plan, work, items(plan), pool, 10.0, WORD)
    ledger.publish(plans(), size="tiny", version=1, params={}, inputs={}, entered=SHARDS * ITEMS)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, hidden ones too, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
