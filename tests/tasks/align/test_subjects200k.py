"""Subjects200K: rows to lines, panels to pixels, and what is said of files that are not it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from data_specs.align_params import AlignParams
from data_specs.ids import SAFE_ID, canonical_json, split_of
from data_specs.subject import SubjectLine
from models.image_codec import encode_png
from tasks.align.picture_error import PictureError
from tasks.align.subjects import pictures_root, read_picture, read_subjects
from tasks.align.subjects200k import panel_place, subjects200k_lines
from tests.composed_scenes import compose
from tests.tasks.align.subjects200k_files import BEST, SCHEMA, enlarged, paired, row, write_rows

ROWS = [
    row("mug", 1, 8, BEST),
    row("lamp", 2, 16, BEST),
    row("chair", 3, 8, BEST | {"objectConsistency": 4}),
    row("apple", 4, 8, None),
    row("vase", 5, 16, BEST | {"imageQuality": None}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of published names, five rows in row groups of two."""
    place = tmp_path_factory.mktemp("subjects200k")
    write_rows(place / "train-00000-of-00002.parquet", ROWS[:3])
    write_rows(place / "train-00001-of-00002.parquet", ROWS[3:])
    return place


def params(folder: Path, count: int = 100) -> AlignParams:
    return AlignParams(source="subjects200k", location=str(folder), count=count)


def test_every_row_gives_two_lines(folder: Path, tmp_path: Path) -> None:
    lines = list(read_subjects(params(folder), tmp_path))
    assert [(line.item, line.panel) for line in lines] == [(name, panel) for name in ("mug", "lamp", "chair", "apple", "vase") for panel in (0, 1)]
    assert lines[0].caption == "The mug before a wall." and lines[1].caption == "The mug on a cloth."
    assert lines[2].collection == "collection_1" and lines[0].collection == "collection_2"
    assert all(SAFE_ID.fullmatch(line.subject_id) for line in lines) and len({line.subject_id for line in lines}) == 10
    assert lines[0].object_id == lines[1].object_id
    assert split_of(lines[0].object_id, 0.3, 0.3) == split_of(lines[1].object_id, 0.3, 0.3)
    assert lines[0].licence == "Apache-2.0" and lines[0].category == "Household"


def test_panels_are_exactly_what_was_put_in(folder: Path, tmp_path: Path) -> None:
    """Both paddings, both panels, across files and row groups, in any order."""
    root = pictures_root("subjects200k", params(folder))
    lines = list(read_subjects(params(folder), tmp_path))
    for line in [*lines[::-1], *lines]:
        seed = ("mug", "lamp", "chair", "apple", "vase").index(line.item) + 1
        scene = compose(line.item, seed, 128, ("grain", "cloth")[line.panel])
        assert np.array_equal(read_picture(line, root).rgb, enlarged(scene))


def test_scores_are_read_as_they_are(folder: Path, tmp_path: Path) -> None:
    lines = list(read_subjects(params(folder), tmp_path))[::2]
    assert [line.assessment.lowest if line.assessment else None for line in lines] == [5, 5, 4, None, None]


def test_a_row_without_a_name_has_none(tmp_path: Path) -> None:
    nameless = ROWS[0] | {"description": None}
    write_rows(tmp_path / "one.parquet", [nameless])
    line = next(subjects200k_lines(tmp_path / "one.parquet", tmp_path))
    assert line.item == ""


def test_lines_are_the_same_on_every_run_and_from_the_file_itself(folder: Path, tmp_path: Path) -> None:
    again = [list(read_subjects(params(folder), tmp_path / name)) for name in ("a", "a", "b")]
    assert again[0] == again[1] == again[2]
    assert SubjectLine.model_validate_json(canonical_json(again[0][3].model_dump(mode="json"))) == again[0][3]
    single = list(read_subjects(params(folder / "train-00001-of-00002.parquet"), tmp_path / "c"))
    assert [line.subject_id for line in single] == [line.subject_id for line in again[0][6:]]
    assert read_picture(single[0], pictures_root("subjects200k", params(folder / "train-00001-of-00002.parquet"))).size == (512, 512)


def test_count_limits_and_what_is_left_out_is_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.item for line in read_subjects(params(folder, 3), tmp_path)] == ["mug", "mug", "lamp"]
    assert "align: there are more than 3 pictures (align.count): the others are left out" in capsys.readouterr().out
    everything = list(read_subjects(params(folder), tmp_path))
    assert list(read_subjects(params(folder, len(everything)), tmp_path)) == everything and capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (528, 1048, [(8, 8, 512), (528, 8, 512)]),
        (544, 1072, [(16, 16, 512), (544, 16, 512)]),
        (528, 1056, [(8, 8, 512), (536, 8, 512)]),
        (512, 1024, [(0, 0, 512), (512, 0, 512)]),
        (1040, 2072, [(8, 8, 1024), (1040, 8, 1024)]),
    ],
)
def test_panel_places(height: int, width: int, expected: list[tuple[int, int, int]]) -> None:
    assert [panel_place(height, width, panel) for panel in (0, 1)] == expected


@pytest.mark.parametrize(("height", "width"), [(528, 1040), (529, 1048), (512, 512), (600, 1224), (64, 128)])
def test_other_sizes_are_no_pair(height: int, width: int) -> None:
    with pytest.raises(PictureError, match=f"a picture of {width} x {height} does not hold two panels"):
        panel_place(height, width, 0)


def test_each_bad_picture_has_its_reason(tmp_path: Path) -> None:
    tall = paired((np.zeros((64, 64, 3), np.uint8),) * 2, 8, 8)
    pictures = [b"GIF89a", None, encode_png(tall), encode_png(np.zeros((528, 1048), np.uint8))]
    write_rows(tmp_path / "bad.parquet", [ROWS[0] | {"image": {"bytes": data, "path": None}} for data in pictures])
    rules = []
    for line in list(subjects200k_lines(tmp_path / "bad.parquet", tmp_path))[::2]:
        with pytest.raises(PictureError) as caught:
            read_picture(line, tmp_path)
        rules.append(caught.value.rule)
    assert rules == ["damaged", "damaged", "layout", "damaged"]


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "one.parquet", ROWS[:1])
    line = next(subjects200k_lines(path, tmp_path / "cache"))
    write_rows(path, ROWS[1:2])
    with pytest.raises(PictureError, match="plan the stage again"):
        read_picture(line, tmp_path)
    assert next(subjects200k_lines(path, tmp_path / "cache")).item == "lamp"


def test_files_that_are_not_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no parquet file: download"):
        list(subjects200k_lines(tmp_path, tmp_path / "cache"))
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 is not enough")
    with pytest.raises(ValueError, match=r"a\.parquet cannot be read as parquet"):
        list(subjects200k_lines(path, tmp_path / "cache"))
    parquet.write_table(pa.table({"image": ["a.png"], "text": ["b"]}), path)
    with pytest.raises(ValueError, match="has no column 'description'"):
        list(subjects200k_lines(path, tmp_path / "cache"))
    plain = pa.Table.from_pylist(ROWS[:1], SCHEMA).set_column(0, "image", pa.array([b"png"]))
    parquet.write_table(plain, path)
    with pytest.raises(ValueError, match="'image' is binary, expected a struct"):
        list(subjects200k_lines(path, tmp_path / "cache"))
    for column, values, message in (
        (3, pa.array(["a mug"]), "'description' is string, expected a struct"),
        (2, pa.array([{"imageQuality": 4.5}]), r"a\.parquet, row 0: image_quality: .*integer"),
    ):
        parquet.write_table(pa.Table.from_pylist(ROWS[:1], SCHEMA).set_column(column, SCHEMA.names[column], values), path)
        with pytest.raises(ValueError, match=message):
            list(subjects200k_lines(path, tmp_path / "cache"))


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "one.parquet", ROWS[:1])
    (tmp_path / "two.parquet").write_bytes((tmp_path / "one.parquet").read_bytes())
    with pytest.raises(ValueError, match=r"two\.parquet and .*one\.parquet are the same file"):
        list(subjects200k_lines(tmp_path, tmp_path / "cache"))
