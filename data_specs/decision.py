"""Why something was kept or dropped. Everything that enters a stage leaves as data or as a `Decision`."""

from collections import Counter
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Decision(BaseModel):
    """One verdict of one rule on one item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: str
    stage: str
    verdict: Literal["kept", "dropped"]
    rule: str
    """Short machine name of the rule, e.g. `no_faces`, `timeout`, `licence`."""
    message: str = ""
    """For people: which file, what is wrong, what to do."""
    score: float | None = None
    threshold: float | None = None


def funnel(entered: int, decisions: list[Decision]) -> list[tuple[str, int]]:
    """Count what is left after each rule, largest loss first: [("entered", n), (rule, dropped), ..., ("kept", m)].

    An item that several rules drop counts for the first of them.
    """
    reasons: dict[str, str] = {}
    for decision in decisions:
        if decision.verdict == "dropped":
            reasons.setdefault(decision.item_id, decision.rule)
    rows = sorted(Counter(reasons.values()).items(), key=lambda row: (-row[1], row[0]))
    return [("entered", entered), *rows, ("kept", entered - len(reasons))]
