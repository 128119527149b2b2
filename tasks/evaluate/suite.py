"""A suite from cells to a published table: `data/<size>/evaluate/<suite>` with `metrics.json` and the pictures of every row."""

import json
from pathlib import Path
from typing import Any

from data_specs.params import Params
from data_specs.suite import Suite
from tasks.artefacts import Workspace, write_atomic
from tasks.evaluate.cells import Cell, Samplers, suite_cell
from tasks.evaluate.evaluation import METRICS, NO_MATTER, SAMPLES, is_trained
from tasks.evaluate.expectations import as_text as checks_as_text
from tasks.evaluate.expectations import check
from tasks.evaluate.samples import SampleFolder
from tasks.evaluate.suite_measures import SuiteMeasures, open_suite_measures
from tasks.evaluate.suite_table import as_text as table_as_text
from tasks.evaluate.suite_table import conditions, ends_of_scale, table


def evaluate_cell(workspace: Workspace, params: Params, suite: Suite, place: tuple[str, int], samplers: Samplers) -> dict[str, Any]:
    """Sample and measure one row at one seed, unless that has been done; returns what was measured. place: name of the row, seed.

    Raises ValueError when a model is missing.
    """
    row, seed = place
    cell = suite_cell(workspace, params.evaluate, suite, suite.row(row), seed)
    return cell.fill(open_suite_measures(workspace, params, samplers.base(), suite.consistency), samplers)


def publish_suite(workspace: Workspace, params: Params, suite: Suite, samplers: Samplers) -> Path:
    """Write `metrics.json` and the pictures of the first seed from every cell there is; returns the path of the former."""
    measures = open_suite_measures(workspace, params, samplers.base(), suite.consistency)
    cells = _cells(workspace, params, suite)
    found = {row: {seed: cell.measured(measures) for seed, cell in seeds.items()} for row, seeds in cells.items()}
    known = {row: {seed: values for seed, values in seeds.items() if values} for row, seeds in found.items()}
    record = _record(params, suite, measures, table(suite, measures.chosen.naming, known))
    for row in record["rows"]:
        made = {seed: cells[row["name"]][seed] for seed in known[row["name"]]}
        row["runs"] = {str(seed): {"run": cell.run, "weights_sha256": cell.weights} for seed, cell in made.items()}
    folder = workspace.folder("evaluate") / suite.name
    _publish_pictures(folder / SAMPLES, measures, {row: seeds for row, seeds in cells.items() if known[row]})
    write_atomic(folder / METRICS, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return folder / METRICS


def describe(suite: Suite, metrics: Path) -> str:
    """The published table and what it shows of the paper's claims, for a terminal."""
    record = json.loads(metrics.read_bytes())
    answers = check(suite, record)
    facts = f"{len(record['assets'])} assets of the {record['settings']['split']} split, seeds {', '.join(map(str, record['seeds']))}"
    made = "\n".join([facts, *record["conditions"]])
    expected = f"\n\nWhat was expected:\n{checks_as_text(answers)}" if answers else ""
    return f"{table_as_text(suite, record)}\n\n{made}{expected}"


def _cells(workspace: Workspace, params: Params, suite: Suite) -> dict[str, dict[int, Cell]]:
    """Row -> seed -> cell, of the rows whose models are trained."""
    return {
        row.name: {
            seed: suite_cell(workspace, params.evaluate, suite, row, seed)
            for seed in suite.at.seeds
            if row.measured and is_trained(workspace, suite.model_of(row, seed))
        }
        for row in suite.rows
    }  # fmt: skip


def _record(params: Params, suite: Suite, measures: SuiteMeasures, measured: dict[str, Any]) -> dict[str, Any]:
    settings = params.evaluate.model_dump(mode="json", exclude=NO_MATTER | {"run", "layer_share", "time_threshold"})
    record = {
        "suite": suite.name,
        "title": suite.title,
        "source": suite.source,
        "seeds": suite.at.seeds,
        "assets": measures.identity["assets"],
        "data": measures.identity["data"],
        "base_sha256": measures.identity["base"],
        "embedder": measures.identity["embedder"],
        "surface": suite.consistency,
        "settings": settings,
        "at": suite.at.model_dump(mode="json"),
        "conditions": conditions(suite, settings),
        "ends": ends_of_scale(measures.ends()),
        **measured,
    }
    return {**record, "checks": [answer.__dict__ for answer in check(suite, record)]}


def _publish_pictures(folder: Path, measures: SuiteMeasures, cells: dict[str, dict[int, Cell]]) -> None:
    """`<asset>.<row>.png` of the first seed that each row has; others are removed."""
    wanted: set[str] = set()
    for row, seeds in cells.items():
        cell = next(cell for cell in seeds.values() if cell.measured(measures))
        pictures: SampleFolder = cell.pictures(measures)
        for subject in measures.subjects:
            name = f"{subject.asset_id}.{row}.png"
            write_atomic(folder / name, pictures.path(subject.asset_id, cell.mode).read_bytes())
            wanted.add(name)
    for stray in (path for path in folder.glob("*.png") if path.name not in wanted):
        stray.unlink()
