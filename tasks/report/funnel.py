"""What entered each stage, what was dropped by which rule, and every dropped item with its reason."""

from typing import Any

from data_specs.decision import funnel
from data_specs.manifest import Manifest
from tasks.report.inputs import Inputs, MissingError

LISTED_ITEMS = 200


def funnels(inputs: Inputs) -> dict[str, Any]:
    """One funnel per data stage, from its manifest, and the list of dropped items."""
    if not inputs.manifests:
        raise MissingError(f"No data stage has been run: atelier3d assets --size {inputs.workspace.size} is the first.")
    stages = [stage_facts(word, manifest) for word, manifest in inputs.manifests.items()]
    dropped = [decision for manifest in inputs.manifests.values() for decision in manifest.decisions() if decision.verdict == "dropped"]
    return {"stages": stages, "dropped": dropped[:LISTED_ITEMS], "dropped_total": len(dropped)}


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
