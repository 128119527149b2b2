"""Where pictures come from: Subjects200K or a folder, each as lines; which lines are good enough; and a line's pixels."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from data_specs.align_params import AlignParams
from data_specs.decision import Decision
from data_specs.subject import SubjectLine
from models.perception.base import Picture
from tasks.align.picture_folder import folder_lines, read_picture_file
from tasks.align.subjects200k import read_panel, root_of, subjects200k_lines

STAGE = "align"


def read_subjects(params: AlignParams, cache: Path) -> Iterator[SubjectLine]:
    """The lines of a run, at most `params.count`, in the source's order. Raises ValueError for a source that cannot be read."""
    location = Path(params.location).expanduser().resolve()
    lines = subjects200k_lines(location, cache) if params.source == "subjects200k" else iter(folder_lines(location, cache))
    return islice(lines, params.count)


def subjects_root(params: AlignParams) -> Path:
    """The folder that lines' paths start from."""
    location = Path(params.location).expanduser().resolve()
    return root_of(location) if params.source == "subjects200k" else location


def read_picture(line: SubjectLine, root: Path) -> Picture:
    """The pixels of a line. Raises PictureError naming the rule that the file breaks."""
    return Picture(read_panel(line, root)) if line.source == "subjects200k" else read_picture_file(line, root)


def judge_line(line: SubjectLine, min_quality: int) -> list[Decision]:
    """What a line's own words say of it: one decision per rule that applies, `dropped` where it fails.

    `no_name`: nobody said what to look for. `not_assessed`, `assessment`: the least of the three scores of Subjects200K is missing or too
    low (SPEC F11 keeps the best scores only); pictures of a folder have none and are not asked for them.
    """
    decisions = []
    if not line.item:
        decisions.append(_decision(line, "no_name", kept=False, message=f"{line.location}, row {line.row}: the object has no name"))
    if line.source == "subjects200k" and min_quality > 0:
        lowest = line.assessment.lowest if line.assessment else None
        if lowest is None:
            decisions.append(_decision(line, "not_assessed", kept=False, message="at least one of the three scores is missing"))
        else:
            scored = _decision(line, "assessment", kept=lowest >= min_quality)
            decisions.append(scored.model_copy(update={"score": float(lowest), "threshold": float(min_quality)}))
    return decisions


def _decision(line: SubjectLine, rule: str, kept: bool, message: str = "") -> Decision:
    return Decision(item_id=line.subject_id, stage=STAGE, verdict="kept" if kept else "dropped", rule=rule, message=message)
