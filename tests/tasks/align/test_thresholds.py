"""Thresholds from scores that are made up, against what they must be; intervals against SciPy's."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tasks.align.thresholds import Rule, Scored, caught_by, choose, interval

OVERLAP, DISTANCE = Rule("overlap", True, 0.0), Rule("distance", False, 9.0)


def scored(right: bool, lost: str = "", **scores: float) -> Scored:
    return Scored("mug", "" if right else "wrong_pose", right, lost, scores)


def test_the_first_rule_that_drops_it_counts() -> None:
    rules, thresholds = [OVERLAP, DISTANCE], {"overlap": 0.5, "distance": 1.0}
    assert caught_by(rules, thresholds, scored(True, overlap=0.5, distance=1.0)) == ""
    assert caught_by(rules, thresholds, scored(True, overlap=0.4, distance=2.0)) == "overlap"
    assert caught_by(rules, thresholds, scored(True, distance=2.0)) == "distance", "a rule that does not apply drops nothing"
    assert caught_by(rules, thresholds, scored(False, "no_pose", overlap=0.9)) == "no_pose"


def test_between_what_is_right_and_what_is_wrong() -> None:
    """The gap is split in the middle, each rule for itself; a rule that is not free stays."""
    found = [scored(True, overlap=0.9, distance=0.2), scored(True, overlap=0.8, distance=0.4)]
    found += [scored(False, overlap=0.6, distance=0.3), scored(False, overlap=0.95, distance=1.0), scored(False, "no_object")]
    assert choose([OVERLAP, DISTANCE], found, 10.0, [OVERLAP, DISTANCE]) == pytest.approx({"overlap": 0.7, "distance": 0.7})
    assert choose([OVERLAP, DISTANCE], found, 10.0, [DISTANCE])["overlap"] == 0.0


def test_a_rule_that_helps_nothing_stays_loose() -> None:
    found = [scored(True, overlap=0.5, distance=0.1), scored(True, overlap=0.9, distance=0.2), scored(False, overlap=0.7, distance=2.0)]
    assert choose([OVERLAP, DISTANCE], found, 10.0, [OVERLAP, DISTANCE])["overlap"] == 0.0


@pytest.mark.parametrize(("wrong_costs", "kept"), [(1.5, 4), (2.5, 1)])
def test_what_a_wrong_one_costs_decides(wrong_costs: float, kept: int) -> None:
    """To lose the one wrong candidate, three right ones must go, or two of them with it."""
    found = [scored(True, overlap=value) for value in (0.3, 0.4, 0.9)] + [scored(False, overlap=0.5)]
    threshold = choose([OVERLAP], found, wrong_costs, [OVERLAP])
    assert sum(not caught_by([OVERLAP], threshold, one) for one in found) == kept


@pytest.mark.parametrize("seed", range(5))
def test_against_trying_everything(seed: int) -> None:
    """Every pair of thresholds, on scores at random."""
    rng = np.random.default_rng(seed)
    rules, found = [OVERLAP, DISTANCE], []
    for ok in rng.random(40) < 0.5:
        found.append(scored(bool(ok), overlap=rng.normal(0.8 if ok else 0.5, 0.15), distance=rng.normal(0.3 if ok else 0.6, 0.2)))

    def worth(thresholds: dict[str, float]) -> float:
        return sum((1.0 if one.right else -4.0) for one in found if not caught_by(rules, thresholds, one))

    chosen = choose(rules, found, 4.0, rules)
    lows = [0.0, *(one.scores["overlap"] for one in found)]
    highs = [9.0, *(one.scores["distance"] for one in found)]
    assert worth(chosen) >= 0.9 * max(worth({"overlap": low, "distance": high}) for low in lows for high in highs)
    for name, values in (("overlap", lows), ("distance", highs)):
        assert worth(chosen) >= max(worth({**chosen, name: value}) for value in values) - 1e-9


@pytest.mark.parametrize(("count", "of"), [(0, 5), (5, 5), (38, 40), (500, 700)])
def test_intervals(count: int, of: int) -> None:
    expected = binomtest(count, of).proportion_ci(method="wilson")
    assert interval(count, of) == pytest.approx((expected.low, expected.high), abs=1e-4)
    assert interval(0, 0) == (0.0, 1.0)
