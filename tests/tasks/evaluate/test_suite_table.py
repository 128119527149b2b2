"""Means, spreads and text of a table against numpy and hand-made cells."""

import numpy as np
import pytest

from models.metrics.embedder import NAMINGS
from tasks.evaluate.suite_table import as_text, columns, digits, ends_of_scale, over_seeds, table
from tests.tasks.evaluate.suites import small_suite

SUITE = small_suite()


def cell(**values: float) -> dict[str, dict[str, float]]:
    return {name.replace("_at_", "@").replace("_to_", ":"): {"value": value} for name, value in values.items()}


CELLS = {
    "plain": {seed: cell(consistency_psnr=psnr, fid_at_micro_to_base=4.0) for seed, psnr in enumerate((24.0, 25.0, 27.0))},
    "ours": {0: cell(consistency_psnr=23.5, fid_at_micro_to_base=1.25)},
}


def test_spread_is_the_sample_standard_deviation() -> None:
    rng = np.random.default_rng(0)
    for count in (2, 3, 7):
        values = dict(enumerate(rng.normal(20.0, 3.0, count).tolist()))
        found = over_seeds(values)
        numbers = np.array(list(values.values()))
        assert found["mean"] == pytest.approx(numbers.mean(), rel=1e-5)
        assert found["spread"] == pytest.approx(np.sqrt(((numbers - numbers.mean()) ** 2).sum() / (count - 1)), rel=1e-5)
        assert found["seeds"] == {str(seed): value for seed, value in values.items()}
    assert over_seeds({0: 3.0})["spread"] is None and over_seeds({}) is None


def test_only_columns_that_were_measured_are_shown() -> None:
    record = table(SUITE, NAMINGS["micro"], CELLS)
    assert [column["name"] for column in record["columns"]] == ["consistency_psnr", "fid@micro:base"]
    assert all(column["meaning"] for column in record["columns"])
    assert {column.paper for column in columns(SUITE, NAMINGS["micro"])} == {"PSNR", "SSIM", "LPIPS", "FID_B", "KID_B", "FID_I", "KID_I", "CLIP"}


def test_columns_of_small_networks_have_names_of_their_own() -> None:
    names = [column.name for column in columns(SUITE, NAMINGS["micro"])]
    assert all("@micro" in name or name in ("consistency_psnr", "consistency_ssim") for name in names)
    assert [name.replace("@micro", "") for name in names] == [column.name for column in columns(SUITE, NAMINGS["published"])]


def test_text_has_published_numbers_under_ours_in_straight_columns() -> None:
    ends = ends_of_scale({"Renders": cell(consistency_psnr=40.0)})
    lines = as_text(SUITE, {"ends": ends, **table(SUITE, NAMINGS["micro"], CELLS)}).splitlines()
    assert lines[0].startswith("Small table") and lines[0].endswith("published: a paper, table 9")
    drawn = lines[2:]
    assert len({len(line) for line in drawn}) == 1
    assert drawn[0].split() == ["PSNR,", "dB", "↑", "fid@micro:base", "↓"]
    assert drawn[1].split() == ["Renders", "40", "–"]
    assert drawn[2].split() == ["Plain", "25.33", "±", "1.5", "4", "±", "0"]
    assert drawn[3].split() == ["published", "25.76", "168.2"]
    assert drawn[4].split() == ["Refined", "–", "–"]
    assert drawn[5].split() == ["Ours", "23.5", "1.25"]
    assert drawn[-1].split() == ["published", "–", "181.9"]


def test_digits_never_show_an_exponent() -> None:
    assert [digits(value, 3) for value in (0.000012345, 1234567.0, 0.1)] == ["0.0000123", "1230000", "0.1"]
