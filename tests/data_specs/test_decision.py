"""The funnel counts every dropped item once, largest loss first."""

from data_specs.decision import Decision, funnel


def test_funnel() -> None:
    dropped = [Decision(item_id=str(k), stage="assets", verdict="dropped", rule=rule) for k, rule in enumerate(["no_faces", "timeout", "no_faces"])]
    kept = Decision(item_id="9", stage="assets", verdict="kept", rule="licence")
    assert funnel(10, [*dropped, kept]) == [("entered", 10), ("no_faces", 2), ("timeout", 1), ("kept", 7)]


def test_an_item_that_several_rules_drop_is_one_loss() -> None:
    twice = [Decision(item_id="a", stage="align", verdict="dropped", rule=rule) for rule in ("box_score", "box_border")]
    assert funnel(2, twice) == [("entered", 2), ("box_score", 1), ("kept", 1)]
