"""Where pictures come from: Subjects200K, a folder, or composed of assets, each as lines; and a line's pixels."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from data_specs.align_params import AlignParams
from data_specs.aligned_subject import SubjectSource
from data_specs.subject import SubjectLine
from models.perception.base import Picture
from tasks.align.asset_catalogue import AssetCatalogue
from tasks.align.composed import composed_lines
from tasks.align.picture_folder import folder_lines, read_picture_file
from tasks.align.subjects200k import read_panel, root_of, subjects200k_lines

STAGE = "align"


def read_subjects(params: AlignParams, cache: Path, catalogue: AssetCatalogue | None = None) -> Iterator[SubjectLine]:
    """The lines of a run, at most `params.count`, in the source's order, then those of the further folder; none for an empty source.

    catalogue: what composed pictures are made of. Raises ValueError for a source that cannot be read.
    """
    if not params.source:
        return iter(())
    further = pictures_root("folder", params) if params.source != "folder" else None
    more = folder_lines(further, cache) if further is not None and further.is_dir() else []
    return chain(_at_most(_source_lines(params, cache, catalogue), params.count), _at_most(iter(more), params.count))


def _at_most(lines: Iterator[SubjectLine], count: int) -> Iterator[SubjectLine]:
    """The first lines. That there are more is said."""
    yield from islice(lines, count)
    if next(lines, None) is not None:
        print(f"{STAGE}: there are more than {count} pictures (align.count): the others are left out", flush=True)


def _source_lines(params: AlignParams, cache: Path, catalogue: AssetCatalogue | None) -> Iterator[SubjectLine]:
    if params.source == "composed":
        assert catalogue is not None, "whoever composes has opened the assets"
        return composed_lines(catalogue, params.composed, params.count)
    if not params.location:
        raise ValueError(f"align.source={params.source} needs align.location: the path of a folder of pictures or of parquet files")
    location = Path(params.location).expanduser().resolve()
    return subjects200k_lines(location, cache) if params.source == "subjects200k" else iter(folder_lines(location, cache))


def pictures_root(source: SubjectSource, params: AlignParams) -> Path | None:
    """The folder that the paths of a source's lines start from; None where it has none."""
    if source == "subjects200k":
        return root_of(Path(params.location).expanduser().resolve())
    place = params.location if params.source == "folder" else params.further_folder
    return Path(place).expanduser().resolve() if source == "folder" and place else None


def read_picture(line: SubjectLine, root: Path) -> Picture:
    """The pixels of a line. Raises PictureError naming the rule that the file breaks."""
    return Picture(read_panel(line, root)) if line.source == "subjects200k" else read_picture_file(line, root)
