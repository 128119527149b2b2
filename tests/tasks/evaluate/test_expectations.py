"""Answers on hand-made tables: yes and no only beyond the spread."""

from typing import Any

import pytest

from tasks.evaluate.expectations import as_text, check
from tests.tasks.evaluate.suites import small_suite

FID, PSNR = "fid@micro:base", "consistency_psnr"


Seeds = tuple[float, ...]
"""The value of each seed, from seed 0 on."""


def record(ours: dict[str, Seeds], plain: dict[str, Seeds]) -> dict[str, Any]:
    columns = [{"name": PSNR, "better": "higher", "paper": "PSNR"}, {"name": FID, "better": "lower", "paper": "FID_B"}]
    published = {"plain": {"PSNR": 25.76, "FID_B": 168.21}, "ours": {"PSNR": 24.78, "FID_B": 141.9}}
    metrics = {
        name: {metric: {"seeds": {str(seed): value for seed, value in enumerate(values)}} for metric, values in found.items()}
        for name, found in (("plain", plain), ("ours", ours))
    }
    return {"columns": columns, "rows": [{"name": name, "title": name, "published": published[name], "metrics": metrics[name]} for name in metrics]}


def verdicts(expectation: dict[str, Any], ours: dict[str, Seeds], plain: dict[str, Seeds]) -> list[str]:
    suite = small_suite(expectations=[expectation])
    return [answer.verdict for answer in check(suite, record(ours, plain))]


BEATS = {"kind": "beats", "row": "ours", "over": ["plain"], "metric": FID}


@pytest.mark.parametrize(
    ("ours", "plain", "verdict"),
    [
        ((2.5, 3.0, 3.5), (4.0, 4.0, 4.0), "yes"),  # by 1 on average, with a deviation of 0.5
        ((3.2, 3.7, 4.2), (4.0, 4.0, 4.0), "within the spread"),
        ((4.5, 5.0, 5.5), (4.0, 4.0, 4.0), "no"),
        ((3.0,), (4.0,), "not known"),
        ((3.0, 5.0, 9.0), (3.1, 5.2, 9.3), "yes"),  # every seed agrees, however far seeds are apart
        ((3.0, 3.1), (4.0, 4.0, 4.0), "yes"),  # the seeds that both have
    ],
)
def test_better_needs_a_margin_beyond_the_spread(ours: Seeds, plain: Seeds, verdict: str) -> None:
    assert verdicts(BEATS, {FID: ours}, {FID: plain}) == [verdict]


def test_higher_is_better_where_the_column_says_so() -> None:
    assert verdicts({**BEATS, "metric": PSNR}, {PSNR: (26.0, 26.1)}, {PSNR: (25.0, 25.0)}) == ["yes"]


@pytest.mark.parametrize(("ours", "verdict"), [(24.0, "yes"), (23.6, "yes"), (23.4, "no"), (26.0, "yes")])
def test_within_a_tolerance(ours: float, verdict: str) -> None:
    within = {"kind": "within", "row": "ours", "of": "plain", "metric": PSNR, "tolerance": 1.5}
    assert verdicts(within, {PSNR: (ours, ours)}, {PSNR: (25.0, 25.0)}) == [verdict]


def test_a_step_follows_the_papers_direction() -> None:
    follows = {"kind": "follows", "before": "plain", "after": "ours", "metrics": [PSNR, FID]}
    assert verdicts(follows, {PSNR: (24.0, 24.1), FID: (5.0, 5.1)}, {PSNR: (25.0, 25.0), FID: (4.0, 4.0)}) == ["yes", "no"]
    backwards = {"kind": "follows", "before": "ours", "after": "plain", "metrics": [PSNR]}
    assert verdicts(backwards, {PSNR: (24.0, 24.1)}, {PSNR: (25.0, 25.0)}) == ["yes"]


def test_what_was_not_measured_or_not_published_is_not_known() -> None:
    assert verdicts(BEATS, {}, {FID: (4.0, 4.0)}) == ["not known"]
    follows = {"kind": "follows", "before": "plain", "after": "ours", "metrics": ["clip@micro"]}
    assert verdicts(follows, {"clip@micro": (1.0, 1.1)}, {"clip@micro": (2.0, 2.0)}) == ["not known"]


def test_text_gives_the_numbers_behind_an_answer() -> None:
    text = as_text(check(small_suite(expectations=[BEATS]), record({FID: (2.5, 3.5)}, {FID: (4.0, 4.0)})))
    assert text == "  [yes] ours is better than plain in fid@micro:base by more than the spread (-1, spread 0.71)"
