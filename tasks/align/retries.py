"""Pictures that a server, a command or a process lost are tried again. How often each was lies beside the shards:

    retries.json   {"version": 1, "retries": {"<subject_id>": 1}}

As verdicts are, it is part of what defines the shards of these pictures, and of no others: they alone are built again, under other names, and what
was published stays whole until they are there.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from data_specs.shard import ShardPlan
from data_specs.strict import Strict
from tasks.align.subjects import STAGE
from tasks.artefacts import write_atomic
from tasks.ledger import Ledger

RETRIES = "retries.json"


class _File(Strict):
    version: Literal[1] = 1
    retries: dict[str, int]


def read_retries(folder: Path) -> dict[str, int]:
    """How often each picture was tried again, by subject id. Raises ValueError for a file that is not one of these."""
    path = folder / RETRIES
    if not path.is_file():
        return {}
    try:
        return _File.model_validate_json(path.read_bytes()).retries
    except ValidationError:
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
    content = _File(retries=dict(sorted(retries.items())))
    write_atomic(folder / RETRIES, (content.model_dump_json(indent=1) + "\n").encode())
    by_rule = ", ".join(f"{rule} {count}" for rule, count in sorted(Counter(lost.values()).items()))
    return f"{len(lost)} pictures are tried again ({by_rule})"
