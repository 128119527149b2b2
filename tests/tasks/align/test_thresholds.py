"""Thresholds from scores that are made up, against what they must be; intervals against SciPy's."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tasks.align.thresholds import Rule, Scored, caught_by, choose, interval, tighten

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
    assert choose([OVERLAP, DISTANCE], found, 0.95, [OVERLAP, DISTANCE]) == pytest.approx({"overlap": 0.7, "distance": 0.7})
    assert choose([OVERLAP, DISTANCE], found, 0.95, [DISTANCE])["overlap"] == 0.0


def test_a_rule_that_helps_nothing_stays_loose() -> None:
    found = [scored(True, overlap=0.5, distance=0.1), scored(True, overlap=0.9, distance=0.2), scored(False, overlap=0.7, distance=2.0)]
    assert choose([OVERLAP, DISTANCE], found, 0.95, [OVERLAP, DISTANCE])["overlap"] == 0.0


def test_no_threshold_is_tighter_than_allowed() -> None:
    found = [scored(True, distance=value) for value in (0.01, 0.3, 0.5)] + [scored(False, distance=value) for value in (0.1, 0.2, 0.9)]
    bound = Rule("distance", False, 9.0, tightest=0.25)
    assert choose([DISTANCE], found, 0.95, [DISTANCE])["distance"] == pytest.approx(0.055)
    assert choose([bound], found, 0.95, [bound])["distance"] >= 0.25


@pytest.mark.parametrize(("precision", "kept"), [(0.7, 4), (0.9, 1)])
def test_as_precise_as_asked(precision: float, kept: int) -> None:
    """To lose the one wrong candidate, two right ones must go with it."""
    found = [scored(True, overlap=value) for value in (0.3, 0.4, 0.9)] + [scored(False, overlap=0.5)]
    threshold = choose([OVERLAP], found, precision, [OVERLAP])
    assert sum(not caught_by([OVERLAP], threshold, one) for one in found) == kept


@pytest.mark.parametrize("seed", range(5))
def test_against_trying_everything(seed: int) -> None:
    """Every pair of thresholds, on scores at random: as precise as asked, and nearly as much of what is right as any pair keeps."""
    rng = np.random.default_rng(seed)
    rules, found = [OVERLAP, DISTANCE], []
    for ok in rng.random(40) < 0.5:
        found.append(scored(bool(ok), overlap=rng.normal(0.8 if ok else 0.5, 0.15), distance=rng.normal(0.3 if ok else 0.6, 0.2)))

    def kept(thresholds: dict[str, float]) -> tuple[int, int]:
        right = [one.right for one in found if not caught_by(rules, thresholds, one)]
        return sum(right), len(right)

    chosen = kept(choose(rules, found, 0.9, rules))
    lows, highs = [one.scores["overlap"] for one in found], [one.scores["distance"] for one in found]
    every = [kept({"overlap": low, "distance": high}) for low in lows for high in highs]
    assert chosen[0] >= 0.9 * chosen[1]
    assert chosen[0] >= max(right for right, count in every if right >= 0.9 * count) - 2


@pytest.mark.parametrize(("count", "of"), [(0, 5), (5, 5), (38, 40), (500, 700)])
def test_intervals(count: int, of: int) -> None:
    expected = binomtest(count, of).proportion_ci(method="wilson")
    assert interval(count, of) == pytest.approx((expected.low, expected.high), abs=1e-4)
    assert interval(0, 0) == (0.0, 1.0)


def test_tightened_as_far_as_what_is_right_allows() -> None:
    """Two rules that each would do: both end just where the worst right candidate is, or lose a share of them where that may be."""
    found = [scored(True, overlap=0.8 + value, distance=0.3 - value) for value in np.linspace(0.0, 0.1, 21)] + [
        scored(False, overlap=0.1, distance=2.0)
    ]
    rules, loose = [OVERLAP, DISTANCE], {"overlap": 0.2, "distance": 9.0}
    assert tighten(rules, loose, found, 1.0, rules) == pytest.approx({"overlap": 0.8, "distance": 0.3})
    tighter = tighten(rules, loose, found, 0.9, rules)
    assert tighter == pytest.approx({"overlap": 0.81, "distance": 0.29})
    assert tighten(rules, loose, found, 1.0, [DISTANCE])["overlap"] == 0.2
    assert tighten(rules, {"overlap": 0.85, "distance": 9.0}, found, 1.0, rules) == {"overlap": 0.85, "distance": 9.0}
    bound = Rule("distance", False, 9.0, tightest=0.5)
    assert tighten([OVERLAP, bound], loose, found, 1.0, [bound])["distance"] == 0.5
