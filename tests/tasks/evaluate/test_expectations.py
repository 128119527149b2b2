"""Answers on hand-made tables: yes and no only beyond the spread."""

from typing import Any

import pytest

from tasks.evaluate.expectations import as_text, check
from tests.tasks.evaluate.suites import small_suite

FID, PSNR = "fid@micro:base", "consistency_psnr"


def record(ours: dict[str, tuple[float, float | None]], plain: dict[str, tuple[float, float | None]]) -> dict[str, Any]:
    columns = [{"name": PSNR, "better": "higher", "paper": "PSNR"}, {"name": FID, "better": "lower", "paper": "FID_B"}]
    published = {"plain": {"PSNR": 25.76, "FID_B": 168.21}, "ours": {"PSNR": 24.78, "FID_B": 141.9}}
    rows = [
        {"name": name, "title": name, "published": published[name], "metrics": {k: {"mean": m, "spread": s} for k, (m, s) in found.items()}}
        for name, found in (("plain", plain), ("ours", ours))
    ]
    return {"columns": columns, "rows": rows}


def verdicts(expectation: dict[str, Any], ours: dict[str, tuple[float, float | None]], plain: dict[str, tuple[float, float | None]]) -> list[str]:
    suite = small_suite(expectations=[expectation])
    return [answer.verdict for answer in check(suite, record(ours, plain))]


BEATS = {"kind": "beats", "row": "ours", "over": ["plain"], "metric": FID}


@pytest.mark.parametrize(
    ("ours", "plain", "verdict"),
    [
        ((3.0, 0.3), (4.0, 0.4), "yes"),  # margin 1.0 over a spread of 0.5
        ((3.6, 0.3), (4.0, 0.4), "within the spread"),
        ((5.0, 0.3), (4.0, 0.4), "no"),
        ((3.0, None), (4.0, None), "not known"),
    ],
)
def test_better_needs_a_margin_beyond_the_spread(ours: tuple[float, float | None], plain: tuple[float, float | None], verdict: str) -> None:
    assert verdicts(BEATS, {FID: ours}, {FID: plain}) == [verdict]


def test_higher_is_better_where_the_column_says_so() -> None:
    assert verdicts({**BEATS, "metric": PSNR}, {PSNR: (26.0, 0.1)}, {PSNR: (25.0, 0.1)}) == ["yes"]


@pytest.mark.parametrize(("ours", "verdict"), [(24.0, "yes"), (23.6, "yes"), (23.4, "no"), (26.0, "yes")])
def test_within_a_tolerance(ours: float, verdict: str) -> None:
    within = {"kind": "within", "row": "ours", "of": "plain", "metric": PSNR, "tolerance": 1.5}
    assert verdicts(within, {PSNR: (ours, 0.1)}, {PSNR: (25.0, 0.1)}) == [verdict]


def test_a_step_follows_the_papers_direction() -> None:
    follows = {"kind": "follows", "before": "plain", "after": "ours", "metrics": [PSNR, FID]}
    assert verdicts(follows, {PSNR: (24.0, 0.1), FID: (5.0, 0.1)}, {PSNR: (25.0, 0.1), FID: (4.0, 0.1)}) == ["yes", "no"]
    backwards = {"kind": "follows", "before": "ours", "after": "plain", "metrics": [PSNR]}
    assert verdicts(backwards, {PSNR: (24.0, 0.1)}, {PSNR: (25.0, 0.1)}) == ["yes"]


def test_what_was_not_measured_or_not_published_is_not_known() -> None:
    assert verdicts(BEATS, {}, {FID: (4.0, 0.1)}) == ["not known"]
    follows = {"kind": "follows", "before": "plain", "after": "ours", "metrics": ["clip@micro"]}
    assert verdicts(follows, {"clip@micro": (1.0, 0.1)}, {"clip@micro": (2.0, 0.1)}) == ["not known"]


def test_text_gives_the_numbers_behind_an_answer() -> None:
    text = as_text(check(small_suite(expectations=[BEATS]), record({FID: (3.0, 0.3)}, {FID: (4.0, 0.4)})))
    assert text == "  [yes] ours is better than plain in fid@micro:base by more than the spread (-1, spread 0.5)"
