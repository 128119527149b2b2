"""One shard from its items: fan out, collect samples and decisions, write the tar and its row."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from data_specs.decision import Decision
from data_specs.sample import Sample
from data_specs.shard import ShardPlan, ShardRow
from tasks.attempt import Outcome
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.progress import Progress

P = TypeVar("P")
Verdict = tuple[Sample | None, list[Decision]]


def build_shard(
    ledger: Ledger,
    plan: ShardPlan,
    work: Callable[[P], Verdict],
    items: Iterable[tuple[str, P]],
    pool: Pool,
    timeout_s: float,
    stage: str,
    progress: Progress | None = None,
) -> ShardRow:
    """Build one shard, or return its row when it is finished already. Samples keep the order of `items`.

    work: payload -> (sample or None, decisions); runs in a worker. A timeout, a dead worker or an exception drops the item with a
    decision of that rule, and the shard goes on. Raises ValueError when work gives neither a sample nor a reason.
    """
    finished = ledger.row(plan)
    if finished is not None:
        return finished
    decisions: list[Decision] = []
    outcomes = pool.map(work, items, timeout_s)
    return ledger.write(plan, _samples(outcomes, decisions, stage, progress), decisions)


def _samples(outcomes: Iterable[Outcome], decisions: list[Decision], stage: str, progress: Progress | None) -> Iterator[Sample]:
    for outcome in outcomes:
        sample, verdicts = _verdict(outcome, stage)
        decisions.extend(verdicts)
        if sample is not None:
            yield sample
        if progress is not None:
            progress.advance(1, outcome.item_id)


def _verdict(outcome: Outcome, stage: str) -> Verdict:
    if outcome.failure is not None:
        failure = outcome.failure
        return None, [Decision(item_id=outcome.item_id, stage=stage, verdict="dropped", rule=failure.rule, message=failure.message)]
    sample, decisions = outcome.value
    if sample is None and all(decision.verdict == "kept" for decision in decisions):
        raise ValueError(f"{stage}: item {outcome.item_id!r} gave neither a sample nor a reason why not")
    return sample, decisions
