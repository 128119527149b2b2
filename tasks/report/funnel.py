"""What entered each stage, what was dropped by which rule, and every dropped item with its reason."""

from collections.abc import Iterator
from typing import Any

from data_specs.decision import Decision, funnel
from data_specs.manifest import Manifest
from tasks.report.inputs import Inputs, MissingError

LISTED_ITEMS = 200


def funnels(inputs: Inputs) -> dict[str, Any]:
    """One funnel per data stage, from its manifest, and the list of dropped items."""
    if not inputs.manifests:
        raise MissingError(f"No data stage has been run: atelier3d assets --size {inputs.workspace.size} is the first.")
    stages = [stage_facts(word, manifest) for word, manifest in inputs.manifests.items()]
    dropped = [item for manifest in inputs.manifests.values() for item in dropped_items(manifest.decisions())]
    return {"stages": stages, "dropped": dropped[:LISTED_ITEMS], "dropped_total": len(dropped)}


def dropped_items(decisions: list[Decision]) -> Iterator[tuple[Decision, list[str]]]:
    """What dropped each item of a stage: the first decision, which the funnel counts, and the other rules that it broke."""
    by_item: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.verdict == "dropped":
            by_item.setdefault(decision.item_id, []).append(decision)
    for first, *others in by_item.values():
        yield first, [other.rule for other in others]


def stage_facts(word: str, manifest: Manifest) -> dict[str, Any]:
    """What `stage_row.html.j2` draws of a stage."""
    rows = funnel(manifest.entered, manifest.decisions())
    kept = manifest.samples()
    return {
        "word": word,
        "entered": manifest.entered,
        "kept": kept,
        "rules": rows[1:-1],
        "unexplained": rows[-1][1] - kept,
        "shards": len(manifest.shards),
        "bytes": sum(row.bytes for row in manifest.shards),
        "digest": manifest.digest(),
    }
