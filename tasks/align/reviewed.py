"""Every picture of a finished run as the QA page shows it: kept or dropped, by which rule, with what scores, and its preview."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from data_specs.aligned_subject import DECISIONS, LINE, PREVIEW, PREVIEWS
from data_specs.decision import Decision
from data_specs.subject import SubjectLine
from tasks.align.verdicts import RULE as HUMAN
from tasks.ledger import read_manifest
from tasks.sample_lookup import SampleLookup

_DECISIONS = TypeAdapter(list[Decision])


@dataclass(frozen=True)
class Reviewed:
    """One picture and what became of it.

    rule: that dropped it, "" for a kept one. scores: every decision that measured something, in the order of the rules.
    missing: it was dropped for lack of an object, mesh or pose, which no verdict can replace.
    """

    subject_id: str
    verdict: str
    rule: str
    message: str
    missing: bool
    scores: tuple[Decision, ...]
    preview_jpeg: bytes | None
    item: str
    caption: str
    licence: str
    attribution: str
    source: str


def reviewed(folder: Path) -> Iterator[Reviewed]:
    """The pictures of the stage's output folder, shard by shard, in the order of their lines. Raises ValueError for damaged ones."""
    previews = SampleLookup(folder / PREVIEWS)
    for row in read_manifest(folder).shards:
        for subject_id in row.inputs:
            line = SubjectLine.model_validate_json(previews.raw(subject_id, LINE))
            decisions = _DECISIONS.validate_json(previews.raw(subject_id, DECISIONS))
            yield _reviewed(line, decisions, previews.optional(subject_id, PREVIEW))


def _reviewed(line: SubjectLine, decisions: list[Decision], jpeg: bytes | None) -> Reviewed:
    reason = next((one for one in decisions if one.verdict == "dropped"), None)
    said = next((one.message for one in decisions if one.rule == HUMAN), "")
    return Reviewed(
        line.subject_id,
        "dropped" if reason else "kept",
        reason.rule if reason else "",
        reason.message if reason else said,
        reason is not None and reason.score is None and reason.rule != HUMAN,
        tuple(one for one in decisions if one.score is not None),
        jpeg,
        line.item,
        line.caption,
        line.licence,
        line.attribution,
        line.source,
    )
