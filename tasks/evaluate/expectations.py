"""Does the table show what the paper claims? Every answer is computed from the rows, seed against same seed."""

import statistics
from dataclasses import dataclass
from typing import Any, Literal

from data_specs.suite import Beats, Follows, Suite, Within
from models.metrics.embedder import plain_metric

Verdict = Literal["yes", "no", "within the spread", "not known"]


@dataclass(frozen=True)
class Check:
    """One claim: what was expected, whether it holds, and the numbers behind the answer."""

    claim: str
    verdict: Verdict
    numbers: str


def check(suite: Suite, record: dict[str, Any]) -> list[Check]:
    """Answer every expectation of a suite. record: of `suite_table.table`."""
    claims = _Claims(record)
    return [answer for expectation in suite.expectations for answer in claims.answer(expectation)]


def as_text(checks: list[Check]) -> str:
    """A line for each."""
    return "\n".join(f"  [{answer.verdict}] {answer.claim} ({answer.numbers})" for answer in checks)


class _Claims:
    def __init__(self, record: dict[str, Any]) -> None:
        self.rows = {row["name"]: row for row in record["rows"]}
        self.columns = {column["name"]: column for column in record["columns"]}
        self.names = {plain_metric(name): name for name in self.columns}

    def answer(self, expectation: Beats | Within | Follows) -> list[Check]:
        if isinstance(expectation, Beats):
            return [self._beats(expectation.row, other, self._measured(expectation.metric)) for other in expectation.over]
        if isinstance(expectation, Within):
            return [self._within(expectation)]
        return [self._follows(expectation.before, expectation.after, self._measured(metric)) for metric in expectation.metrics]

    def _measured(self, metric: str) -> str:
        """The name under which the record has a metric: an expectation may leave out what the embedder adds to it."""
        return self.names.get(plain_metric(metric), metric)

    def _beats(self, row: str, other: str, metric: str) -> Check:
        claim = f"{self._title(row)} is better than {self._title(other)} in {metric} by more than the spread"
        return self._judged(claim, other, row, metric, self._sign(metric))

    def _within(self, wanted: Within) -> Check:
        metric = self._measured(wanted.metric)
        claim = f"{self._title(wanted.row)} is at most {wanted.tolerance:g} worse than {self._title(wanted.of)} in {metric}"
        change = self._change(wanted.of, wanted.row, metric)
        if change is None:
            return Check(claim, "not known", "not measured")
        loss = -self._sign(metric) * change[0]
        return Check(claim, "yes" if loss <= wanted.tolerance else "no", f"worse by {loss:.4g}, spread {_spread(change[1])}")

    def _follows(self, before: str, after: str, metric: str) -> Check:
        direction = self._published_direction(before, after, metric)
        word = {1: "raises", -1: "lowers", 0: "moves"}[direction]
        claim = f"from {self._title(before)} to {self._title(after)}: the paper {word} {metric}"
        return self._judged(claim, before, after, metric, direction) if direction else Check(claim, "not known", "not published, or no change")

    def _judged(self, claim: str, before: str, after: str, metric: str, direction: int) -> Check:
        """Yes and no only where the change exceeds its spread."""
        change = self._change(before, after, metric)
        if change is None:
            return Check(claim, "not known", "not measured")
        moved, spread = change
        numbers = f"{moved:+.4g}, spread {_spread(spread)}"
        if spread is None:
            return Check(claim, "not known", f"{numbers}: a single seed has no spread")
        return Check(claim, "within the spread" if abs(moved) <= spread else "yes" if direction * moved > 0 else "no", numbers)

    def _change(self, before: str, after: str, metric: str) -> tuple[float, float | None] | None:
        """Mean and sample standard deviation (None for a single seed) of the differences, seed by seed, over the seeds that both rows have.

        Rows of a seed share the noise they are sampled from, and the order of the data, so that much of what seeds change cancels.
        """
        first, last = (self.rows.get(name, {}).get("metrics", {}).get(metric, {}).get("seeds", {}) for name in (before, after))
        changes = [last[seed] - first[seed] for seed in first if seed in last]
        if not changes:
            return None
        return statistics.fmean(changes), statistics.stdev(changes) if len(changes) > 1 else None

    def _published_direction(self, before: str, after: str, metric: str) -> int:
        name = self.columns.get(metric, {}).get("paper")
        first, last = (self.rows[row]["published"].get(name) for row in (before, after))
        return 0 if first is None or last is None else (last > first) - (last < first)

    def _sign(self, metric: str) -> int:
        return -1 if self.columns.get(metric, {}).get("better") == "lower" else 1

    def _title(self, row: str) -> str:
        return self.rows[row]["title"]


def _spread(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2g}"
