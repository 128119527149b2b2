"""One asset's stored samples checked: the record that says so, or the decision that keeps it out of training."""

import re
from dataclasses import dataclass

from data_specs.decision import Decision
from data_specs.ids import canonical_json
from data_specs.sample import Sample
from tasks.broken_rule import BrokenRuleError
from tasks.shards.checks import check_pictures, check_views
from tasks.stored_samples import StoredSample

WORD = "shards"


@dataclass(frozen=True)
class Pair:
    """What is stored of one asset: its views and its matched pictures."""

    key: str
    render: StoredSample
    matched_real: StoredSample
    reprojection_pixels: float


def verify(pair: Pair) -> tuple[Sample | None, list[Decision]]:
    """Check both samples; a sample `verification.json` of what was measured, or a dropped decision with the first broken rule."""
    measured: dict[str, dict[str, float]] = {}
    for word in ("render", "matched_real"):
        try:
            members = getattr(pair, word).decoded()
            measured[word] = check_views(pair.key, members, pair.reprojection_pixels) if word == "render" else check_pictures(pair.key, members)
        except ValueError as error:
            return None, [_dropped(pair.key, word, error)]
    return Sample(pair.key, {"verification.json": canonical_json(measured).encode()}), []


def _dropped(key: str, word: str, error: ValueError) -> Decision:
    message = re.sub(r"\s+", " ", f"{word}: {error}")[:500]
    if isinstance(error, BrokenRuleError):
        return Decision(item_id=key, stage=WORD, verdict="dropped", rule=error.rule, message=message, score=error.score, threshold=error.threshold)
    return Decision(item_id=key, stage=WORD, verdict="dropped", rule="unreadable", message=message)
