"""Every suite of the repository: its recipes exist and take its settings, what is shared is shared, and published numbers are those of the paper."""

import re

import pytest
import yaml

from data_specs.params import load_params
from data_specs.suite import SUITES_FOLDER, load_suite, suite_names
from models.registry import make_recipe
from tests.conftest import REPOSITORY

SIZES = sorted(path.stem for path in (SUITES_FOLDER / "sizes").glob("*.yaml"))
PAPER = REPOSITORY.parent / "shared" / "papers" / "realiz3d.txt"
ORDER = ("PSNR", "SSIM", "LPIPS", "FID_B", "KID_B", "FID_I", "KID_I", "CLIP")
TABLES = {"realiz3d_texturing": (1, 14), "realiz3d_ablation": (2, 8), "realiz3d_multiview": (3, 15)}


def test_size_paper_has_the_budgets_of_the_paper() -> None:
    """10 epochs of 120,000 grids of each domain at 64 GPUs x 8, 3 for what is fitted to a domain alone (R4, R5), the lot at 5e-5; both ranks."""
    suite, params = load_suite("realiz3d_texturing", "paper"), load_params("paper")
    epoch = 2 * 120_000 / 512
    assert [suite.at.budgets[name].steps for name in ("domain", "backbone", "light")] == [int(3 * epoch), int(10 * epoch), int(10 * epoch)]
    used = [suite.at.budgets[run.budget] for run in suite.runs.values()]
    assert {(budget.batch_size, budget.learning_rate) for budget in used} == {(512, 5e-5)}
    assert {row.name for row in suite.rows} >= {f"{kind}_{rank}" for kind in ("lora", "linear", "domain_adapter") for rank in (32, 128)}
    for name, run in (("domain", "realiz3d_stage1"), ("backbone", "realiz3d_stage2"), ("warmup", "realiz3d_warmup")):
        budget = suite.at.budgets[name].model_dump()
        assert params.train.runs[run].model_dump(include=set(budget)) == budget, "the same as the sequence of size paper"
    assert params.evaluate.base == params.features.base == params.train.runs["realiz3d_warmup"].parents["base"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", suite_names())
def test_every_run_is_complete(name: str, size: str) -> None:
    suite = load_suite(name, size)
    params = suite.extend(load_params(size))
    for row in (row for row in suite.rows if row.measured):
        trained = {*load_params(size).train.runs, params.evaluate.base}
        for run in suite.runs_of(row, suite.at.seeds[0]):
            settings = params.train.runs[run]
            assert make_recipe(settings.recipe, settings.config).name == settings.recipe
            assert set(settings.parents.values()) <= trained
            trained.add(run)


def test_texturing_and_ablation_share_what_is_the_same() -> None:
    texturing, ablation = (load_suite(name, "micro") for name in ("realiz3d_texturing", "realiz3d_ablation"))
    assert texturing.runs_of(texturing.row("ours"), 1) == ablation.runs_of(ablation.row("ours"), 1)


def table_of_the_paper(number: int) -> list[list[tuple[str, str]]]:
    """The lines of a table: for each cell its number at rank 32 and at rank 128, which are the same where the paper gives one."""
    lines = PAPER.read_text().split(f"\nTable {number}. ")[1].split("\nTable ")[0].splitlines()[1:]
    rows = []
    for line in lines:
        cells = [re.sub(r"</?b>", "", cell).strip() for cell in line.split("\t")]
        numbers = [cell.split(" / ") for cell in cells if re.fullmatch(r"[\d.]+( / [\d.]+)?|-", cell)]
        if len(numbers) == len(ORDER):
            rows.append([(pair[0], pair[-1]) for pair in numbers])
    return rows


@pytest.mark.parametrize("name", TABLES)
def test_published_numbers_are_those_of_the_paper(name: str) -> None:
    if not PAPER.is_file():
        pytest.skip(f"the paper is not here ({PAPER})")
    number, rows = TABLES[name]
    written = yaml.safe_load((SUITES_FOLDER / f"{name}.yaml").read_text())["rows"]
    assert len(written) == rows
    found = {tuple(pair[rank] for pair in row) for row in table_of_the_paper(number) for rank in (0, 1)}
    texts = {tuple("-" if text == "-" else float(text) for text in row) for row in found}
    ours = {tuple(row["published"].get(metric, "-") for metric in ORDER) for row in written}
    assert ours == texts
