"""Where pictures come from: Subjects200K or a folder, each as lines; and a line's pixels."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from data_specs.align_params import AlignParams
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
