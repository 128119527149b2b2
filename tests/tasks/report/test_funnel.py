"""Every dropped item is listed once, with all the rules that it broke."""

from data_specs.decision import Decision
from tasks.report.funnel import dropped_items


def decision(item_id: str, rule: str, verdict: str = "dropped") -> Decision:
    return Decision.model_validate({"item_id": item_id, "stage": "align", "verdict": verdict, "rule": rule})


def test_an_item_is_listed_once_with_the_rule_that_the_funnel_counts_first() -> None:
    decisions = [
        decision("a", "outline"),
        decision("b", "box_score"),
        decision("a", "scale"),
        decision("c", "outline", "kept"),
        decision("a", "edges"),
    ]
    assert list(dropped_items(decisions)) == [(decisions[0], ["scale", "edges"]), (decisions[1], [])]
