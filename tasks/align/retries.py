"""Pictures that a server, a command or a process lost are tried again. How often each was lies beside the shards:

    retries.json   {"version": 1, "retries": {"<subject_id>": 1}}

As verdicts are, it is part of what defines the shards of these pictures, and of no others: they alone are built again, under other names, and what
was published stays whole until they are there.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from data_specs.shard import ShardPlan
from tasks.align.subjects import STAGE
from tasks.artefacts import write_atomic
from tasks.ledger import Ledger

RETRIES, VERSION = "retries.json", 1


def read_retries(folder: Path) -> dict[str, int]:
    """How often each picture was tried again, by subject id. Raises ValueError for a file that is not one of these."""
    path = folder / RETRIES
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_bytes())
        assert content["version"] == VERSION
        return {str(subject_id): int(times) for subject_id, times in content["retries"].items()}
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f"{path} does not read: remove it, and the shards of the pictures that were tried again are built anew") from None


def retries_of(retries: Mapping[str, int], subject_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """What a plan says of the retries of its pictures; nothing where there were none."""
    own = {subject_id: retries[subject_id] for subject_id in sorted(subject_ids) if subject_id in retries}
    return {"retries": own} if own else {}


def note_retries(folder: Path, plans: Iterable[ShardPlan], rules: Collection[str]) -> str:
    """Count one more for each picture that one of these rules dropped in a finished shard of the plans; a sentence about them, "" without any."""
    ledger = Ledger(folder, STAGE)
    rows = [row for plan in plans if (row := ledger.row(plan)) is not None]
    lost = {one.item_id: one.rule for row in rows for one in row.decisions if one.verdict == "dropped" and one.rule in rules}
    if not lost:
        return ""
    retries = Counter(read_retries(folder))
    retries.update(list(lost))  # of a mapping it would add the values
    content = {"version": VERSION, "retries": dict(sorted(retries.items()))}
    write_atomic(folder / RETRIES, (json.dumps(content, indent=1) + "\n").encode())
    by_rule = ", ".join(f"{rule} {count}" for rule, count in sorted(Counter(lost.values()).items()))
    return f"{len(lost)} pictures are tried again ({by_rule})"
