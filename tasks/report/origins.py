"""The lineage of the last run as a tree, and whose assets went into it."""

from typing import Any

from tasks.lineage import Lineage
from tasks.report.inputs import Inputs, MissingError


def origins(inputs: Inputs) -> dict[str, Any]:
    """The tree of the last trained run and a table of sources and licences.

    What only MLflow knows (commit, run id) is left out: it would make the page differ from checkout to checkout.
    """
    if not inputs.manifests:
        raise MissingError(f"There is no data to trace yet: atelier3d assets --size {inputs.workspace.size} is the first stage.")
    records = Lineage(inputs.workspace, with_commit=False)
    last = next(reversed(inputs.runs), None)
    return {"licences": records.licences(), "run": last, "tree": records.trace(last) if last else None}
