"""A published run of the stage without any model: lines, decisions and previews as the stage leaves them, with names that break careless pages."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from data_specs.aligned_subject import DECISIONS, LINE, PREVIEW, PREVIEWS
from data_specs.decision import Decision
from data_specs.ids import canonical_json
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from data_specs.subject import SubjectLine
from tasks.ledger import Ledger

WORD, SHARD_ITEMS = "align", 100
HOSTILE = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\"> & \u202etfel"


@dataclass(frozen=True)
class Named:
    """A rule as the page names it."""

    rule: str
    keep: Literal["at_least", "at_most"]
    meaning: str
    after: str = "pose"
    takes_long: bool = False


RULES = (
    Named("box_score", "at_least", "how sure the detector is"),
    Named("silhouette_iou", "at_least", "overlap of the outlines"),
    Named("appearance", "at_most", "distance of render and picture", takes_long=True),
)


def write_run(folder: Path, count: int) -> list[SubjectLine]:
    """`count` pictures in shards of a hundred. Of each four: kept, dropped by its outline, by its look, and for lack of a pose."""
    lines = [_line(number) for number in range(count)]
    own, previews, plans = Ledger(folder, WORD), Ledger(folder / PREVIEWS, WORD), []
    for start in range(0, count, SHARD_ITEMS):
        some = range(start, min(start + SHARD_ITEMS, count))
        inputs = [canonical_json(lines[number].model_dump(mode="json")) for number in some]
        plans.append(ShardPlan(word=WORD, split="train", index=start // SHARD_ITEMS, inputs=inputs, params={}, version=1))
        previews.write(plans[-1], [_beside(lines[number].subject_id, number, text) for number, text in zip(some, inputs)], [])
        kept = [Sample(lines[number].subject_id, {"subject.json": b"{}"}) for number in some if number % 4 == 0]
        decisions = [decision for number in some for decision in _decisions(lines[number].subject_id, number)]
        dropped = [decision for decision in decisions if decision.verdict == "dropped"]
        own.write(plans[-1], kept, dropped, [lines[number].subject_id for number in some])
    for ledger in (previews, own):
        ledger.publish(plans, size="tiny", version=1, params={}, inputs={}, entered=count)
    return lines


def preview(number: int) -> bytes:
    """A JPEG of 192 pixels in a colour of its own."""
    y, x = np.mgrid[:192, :192]
    disc = np.hypot(x - 96, y - 96) < 40 + number % 40
    pixels = np.dstack([(x + 7 * number) % 256, (y + 31 * number) % 256, np.full_like(x, 40 * (number % 6))]).astype(np.uint8)
    pixels[disc] = (40 * (number % 6), 255 - 20 * (number % 9), 90)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=85)
    return data.getvalue()


def _beside(subject_id: str, number: int, line: str) -> Sample:
    """Nobody has read the picture of number 2."""
    decisions = [one.model_dump(mode="json") for one in _decisions(subject_id, number)]
    shown = {} if number == 2 else {PREVIEW: preview(number)}
    return Sample(subject_id, {LINE: line.encode(), DECISIONS: canonical_json(decisions).encode(), **shown})


def _line(number: int) -> SubjectLine:
    return SubjectLine(
        subject_id=f"cup_{number:05d}",
        object_id=f"cup_{number:05d}",
        source="folder",
        location=f"cup_{number}.png",
        sha256="0" * 64,
        item=HOSTILE if number == 1 else f"cup {number}",
        caption=HOSTILE if number == 1 else f"A cup of kind {number} on a table",
        licence="CC-BY-4.0",
        attribution="Eve <eve@example.org>" if number == 1 else "",
    )


def _decisions(subject_id: str, number: int) -> list[Decision]:
    fate = number % 4
    measured = [("box_score", 0.3 + 0.0001 * number, 0.25, True), ("silhouette_iou", 0.95 - 0.2 * (fate == 1) - 0.00001 * number, 0.8, fate != 1)]
    if fate in (0, 2):
        measured.append(("appearance", 0.2 + 0.2 * (fate == 2), 0.3, fate == 0))
    made = [
        Decision(item_id=subject_id, stage=WORD, verdict="kept" if kept else "dropped", rule=rule, score=score, threshold=threshold)
        for rule, score, threshold, kept in (measured[:1] if fate == 3 else measured)
    ]
    if fate == 3:
        made.append(Decision(item_id=subject_id, stage=WORD, verdict="dropped", rule="no_pose", message=f"no pose <b>explains</b> picture {number}"))
    return made
