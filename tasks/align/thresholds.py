"""Thresholds from scores whose truth is known, and what they reach: pure functions of tables of scores."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

ROUNDS = 6
STARTING_LOSSES = (0.0, 0.01, 0.02, 0.05, 0.1)
"""Shares of what is right that every rule loses where a search starts."""

WRONG_COSTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
TIGHTENING = (0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.0)
CONFIDENCE_Z = 1.96
"""Intervals hold the true share in 95 of 100 cases."""

GENERATOR, ESTIMATOR = "generator's own", "estimator's own"
"""Faults that nobody planted: another object's mesh was found, or the pose of the right mesh is wrong."""


@dataclass(frozen=True)
class Rule:
    """A rule with a threshold.

    at_least: a kept one has at least it, else at most. loosest: keeps everything. tightest: no threshold is tighter, None = no such bound.
    """

    name: str
    at_least: bool
    loosest: float
    tightest: float | None = None


@dataclass(frozen=True)
class Scored:
    """What became of one candidate.

    fault: what was planted, or `GENERATOR`; "" = nothing, the mesh is the object's own. right: it would be right to keep it. lost: the rule of what
    was missing (no object, no pose), "" where it came through to the end. scores: by rule, of the rules that applied.
    """

    object_id: str
    fault: str
    right: bool
    lost: str
    scores: dict[str, float]


def drops(rule: Rule, threshold: float, one: Scored) -> bool:
    """Whether a rule drops a candidate at a threshold."""
    score = one.scores.get(rule.name)
    return score is not None and (score < threshold if rule.at_least else score > threshold)


def caught_by(rules: list[Rule], thresholds: dict[str, float], one: Scored) -> str:
    """The first rule that drops a candidate, or what was missing; "" where it is kept."""
    return next((rule.name for rule in rules if drops(rule, thresholds[rule.name], one)), one.lost)


def choose(rules: list[Rule], found: list[Scored], precision: float, free: list[Rule]) -> dict[str, float]:
    """The thresholds that keep most of what is right while at least `precision` of what is kept is right.

    rules: all but the free ones stay at their loosest. A search climbs to the most worth, where a wrong candidate that is kept costs as much as some
    right ones that are lost: from several starts (everything kept; every rule losing the same share of what is right) one rule at a time is set
    to its best, in turns until nothing changes. Costs grow from search to search. Where no result is precise enough, the most precise counts.
    """
    table = _Table(rules, found)
    places = [rules.index(rule) for rule in free]
    climbed: list[np.ndarray] = [
        table.climb(start, turns, cost) for cost in WRONG_COSTS for start in table.starts(places) for turns in (places, places[::-1])
    ]

    def merit(thresholds: np.ndarray) -> tuple[float, int, float]:
        right, wrong = table.kept(thresholds)
        reached = right / max(right + wrong, 1)
        return min(reached, precision), right, reached

    best = max(climbed, key=merit)
    return {rule.name: float(value) for rule, value in zip(rules, best)}


def tighten(rules: list[Rule], thresholds: dict[str, float], found: list[Scored], recall: float, free: list[Rule]) -> dict[str, float]:
    """The thresholds, each as tight as it can be while at least a share `recall` of what is right is kept.

    Where rules overlap, what one lets through another catches on the objects at hand, and perhaps not on others: so every free rule is tightened
    until it alone loses the same share of the right candidates that are kept now, the largest share that leaves enough. The thresholds
    themselves where they keep too little already.
    """
    right = [one for one in found if one.right]
    kept = [one for one in right if not caught_by(rules, thresholds, one)]
    for share in TIGHTENING:
        tight = dict(thresholds)
        for rule in free:
            scores = [one.scores[rule.name] for one in kept if rule.name in one.scores]
            if scores:
                tight[rule.name] = _tighter(rule, thresholds[rule.name], float(np.quantile(scores, share if rule.at_least else 1.0 - share)))
        if sum(not caught_by(rules, tight, one) for one in right) >= recall * len(right):
            return tight
    return thresholds


def _tighter(rule: Rule, one: float, other: float) -> float:
    """The tighter of two thresholds, within the rule's bound."""
    towards, away = (max, min) if rule.at_least else (min, max)
    tighter = towards(one, other)
    return tighter if rule.tightest is None else away(tighter, rule.tightest)


class _Table:
    """Scores (N, R) so signed that more is better, NaN where a rule does not apply, of N candidates that came through."""

    def __init__(self, rules: list[Rule], found: list[Scored]) -> None:
        alive = [one for one in found if not one.lost]
        self._rules = rules
        self._sign = np.array([1.0 if rule.at_least else -1.0 for rule in rules])
        self._scores = np.array([[one.scores.get(rule.name, np.nan) for rule in rules] for one in alive]).reshape(-1, len(rules)) * self._sign
        # Scores beyond the tightest threshold are as good as each other.
        bounds = np.array([np.inf if rule.tightest is None else rule.tightest * sign for rule, sign in zip(rules, self._sign)])
        self._scores = np.minimum(self._scores, bounds)
        self._right = np.array([one.right for one in alive], bool)

    def kept(self, thresholds: np.ndarray) -> tuple[int, int]:
        """How many right and how many wrong ones are kept."""
        kept = self._passes(thresholds).all(axis=1)
        return int(np.count_nonzero(kept & self._right)), int(np.count_nonzero(kept & ~self._right))

    def starts(self, places: list[int]) -> list[np.ndarray]:
        """Thresholds (R,) to begin from; places: of the rules that are free."""
        loosest = np.array([rule.loosest for rule in self._rules])
        found = [loosest]
        for share in STARTING_LOSSES if self._right.any() else ():
            start = loosest.copy()
            start[places] = (np.nanquantile(self._scores[self._right], share, axis=0) * self._sign)[places]
            found.append(np.where(np.isnan(start), loosest, start))
        return found

    def climb(self, start: np.ndarray, turns: list[int], wrong_cost: float) -> np.ndarray:
        """Set one rule after the other to its best."""
        thresholds, worth = start.copy(), np.where(self._right, 1.0, -wrong_cost)
        for _ in range(ROUNDS):
            before = thresholds.copy()
            for place in turns:
                others = np.delete(self._passes(thresholds), place, axis=1).all(axis=1)
                here = others & ~np.isnan(self._scores[:, place])
                best = _best(self._scores[here, place], worth[here])
                thresholds[place] = self._rules[place].loosest if best is None else best * self._sign[place]
            if np.array_equal(thresholds, before):
                break
        return thresholds

    def _passes(self, thresholds: np.ndarray) -> np.ndarray:
        return np.isnan(self._scores) | (self._scores >= thresholds * self._sign)


def _best(values: np.ndarray, worth: np.ndarray) -> float | None:
    """The best threshold for values of which more is better: of equals the middle of the widest gap, which leaves the largest margin to both sides.

    None where dropping nothing is as good.
    """
    order = np.argsort(values, kind="stable")
    ordered, gains = values[order], np.concatenate([[0.0], -np.cumsum(worth[order])])
    # Place i drops the first i: possible only between unequal scores.
    places = [i for i in range(1, len(ordered)) if ordered[i] > ordered[i - 1]]
    top = max((float(gains[i]) for i in places), default=0.0)
    if gains[-1] > max(top, 0.0) + 1e-9:
        return float(ordered[-1]) + 1e-6
    if top <= 1e-9:
        return None
    widest = max((i for i in places if gains[i] >= top - 1e-9), key=lambda i: ordered[i] - ordered[i - 1])
    return float(ordered[widest] + ordered[widest - 1]) / 2.0


def interval(successes: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); (0, 1) of nothing."""
    if not count:
        return 0.0, 1.0
    share, z = successes / count, CONFIDENCE_Z
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - reach), min(1.0, middle + reach)
