"""From items to a finished shard: the same few steps for every data stage."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from data_specs.decision import Decision
from data_specs.sample import Sample
from data_specs.shard import ShardPlan, ShardRow
from tasks.fan_out import Outcome, Pool
from tasks.ledger import Ledger
from tasks.progress import Progress

Work = Callable[[Any], tuple[Sample | None, list[Decision]]]


def build_shard(
    ledger: Ledger,
    plan: ShardPlan,
    work: Work,
    items: Iterable[tuple[str, Any]],
    pool: Pool,
    timeout_s: float,
    stage: str,
    progress: Progress | None = None,
) -> ShardRow:
    """Do the work of every item and write what comes out as one shard, in the order of the items.

    An item whose work fails becomes a dropped `Decision` with the failure's rule; the shard is finished without it.
    """
    decisions: list[Decision] = []

    def samples() -> Iterator[Sample]:
        for outcome in pool.map(work, items, timeout_s):
            sample, made = _settle(outcome, stage)
            decisions.extend(made)
            if progress is not None:
                progress.advance(1)
            if sample is not None:
                yield sample

    return ledger.write(plan, samples(), decisions)


def _settle(outcome: Outcome, stage: str) -> tuple[Sample | None, list[Decision]]:
    if outcome.failure is None:
        return outcome.value
    failure = outcome.failure
    return None, [Decision(item_id=outcome.item_id, stage=stage, verdict="dropped", rule=failure.rule, message=failure.message)]
