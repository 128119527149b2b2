"""The table of a suite: cells to means and spreads over seeds, beside what was published, as a record and as text."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from data_specs.suite import PublishedMetric, Suite
from models.metrics.embedder import Naming
from tasks.evaluate.measures import published
from tasks.evaluate.surface import SURFACES


@dataclass(frozen=True)
class Column:
    """A metric of SPEC R13 under the name it is published by here, and the paper's metric it stands beside."""

    name: str
    title: str
    group: str
    better: Literal["higher", "lower"]
    paper: PublishedMetric
    meaning: str


CONSISTENCY = "3D consistency"


def columns(suite: Suite, naming: Naming) -> list[Column]:
    """The paper's columns; single pictures have no consistency. naming: of the embedder, or what stands for Inception, AlexNet and CLIP."""
    surface, named = SURFACES.get(suite.consistency, ""), naming.metric
    lpips, clip, photo = named("lpips"), named("clip"), {name: named(name, "photo") for name in ("fid", "kid")}
    fid_base, kid_base, fid_real, kid_real = (named(name, against) for against in ("base", "photographic") for name in ("fid", "kid"))
    base = "pictures of the base for the same captions; the base is told view word, phrase and white background too, trained rows the caption alone"
    photographs = "photographic renders of the same assets, where the paper has ImageNet"
    found = [
        Column("consistency_psnr", "PSNR, dB", CONSISTENCY, "higher", "PSNR", f"views against their re-projections from {surface}"),
        Column("consistency_ssim", "SSIM", CONSISTENCY, "higher", "SSIM", "the same comparison as structural similarity"),
        Column(lpips, lpips, CONSISTENCY, "lower", "LPIPS", f"the same comparison in {naming.pairs}"),
        Column(fid_base, fid_base, "Prior preservation", "lower", "FID_B", f"Fréchet distance of {naming.features} to {base}"),
        Column(kid_base, kid_base, "Prior preservation", "lower", "KID_B", "kernel distance (unbiased, all pictures) to the same"),
        Column(fid_real, photo["fid"], "Real-world realism", "lower", "FID_I", f"Fréchet distance to {photographs}"),
        Column(kid_real, photo["kid"], "Real-world realism", "lower", "KID_I", "kernel distance to the same"),
        Column(clip, clip, "Text alignment", "higher", "CLIP", f"mean cosine of pictures and captions in {naming.text}"),
    ]
    return [column for column in found if suite.consistency != "none" or column.group != CONSISTENCY]


def table(suite: Suite, naming: Naming, cells: dict[str, dict[int, dict[str, Any]]]) -> dict[str, Any]:
    """The record of a suite: columns with their meaning and, for each row with any cell, mean, spread and every seed's value of each metric.

    cells: row -> seed -> what `SuiteMeasures.measure` found.
    """
    shown = [column for column in columns(suite, naming) if any(column.name in found for seeds in cells.values() for found in seeds.values())]
    rows = []
    for row in suite.rows:
        found = cells.get(row.name, {})
        metrics = {
            column.name: over_seeds({seed: values[column.name]["value"] for seed, values in found.items() if column.name in values})
            for column in shown
        }
        rows.append(
            {"name": row.name, "title": row.title, "published": row.model_dump()["published"], "metrics": {k: v for k, v in metrics.items() if v}}
        )
    return {"columns": [asdict(column) for column in shown], "rows": rows}


def ends_of_scale(ends: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `table` without seeds: what no model made. ends: title -> what was measured."""
    return [
        {"title": title, "metrics": {name: {"mean": found["value"], "spread": None} for name, found in metrics.items()}}
        for title, metrics in ends.items()
    ]


def conditions(suite: Suite, settings: dict[str, Any]) -> list[str]:
    """How the rows of a table were made, for people: a short trial run must not look like the real one. settings: of the evaluation."""
    used = {run.budget for run in suite.runs.values()}
    budgets = {name: budget for name, budget in suite.at.budgets.items() if name in used}
    trained = "; ".join(f"{name} {each.steps} steps of {each.batch_size} at {each.learning_rate:g}" for name, each in budgets.items())
    at = suite.at.shifting
    shifting = "as published" if at is None else f"B_max {at.layer_share:.0%}, t_max {at.time_threshold}"
    guidance = f"guidance {settings['guidance']:g} (base {settings['base_guidance']:g})"
    lines = [f"Trained: {trained}.", f"Sampled: {settings['sampling_steps']} steps, {guidance}; rows that shift: {shifting}."]
    changed = ", ".join(f"{name}={value}" for name, value in suite.at.config.items())
    return [*lines, *([f"Every recipe: {changed}."] if changed else [])]


def over_seeds(values: dict[int, float]) -> dict[str, Any] | None:
    """Mean, sample standard deviation (None for a single seed) and the raw values; None without any."""
    if not values:
        return None
    numbers = list(values.values())
    spread = published(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return {"mean": published(np.mean(numbers)), "spread": spread, "seeds": {str(seed): value for seed, value in values.items()}}


def as_text(suite: Suite, record: dict[str, Any]) -> str:
    """The table for a terminal: under each row's own numbers those that were published."""
    shown = record["columns"]
    heads = [f"{column['title']} {'↑' if column['better'] == 'higher' else '↓'}" for column in shown]
    lines: list[list[str]] = [["", *heads]]
    for row in [*record["ends"], *record["rows"]]:
        lines.append([row["title"], *(number(row["metrics"].get(column["name"])) for column in shown)])
        if row.get("published"):
            numbers = (row["published"].get(column["paper"]) for column in shown)
            lines.append(["  published", *("–" if number is None else f"{number:.4g}" for number in numbers)])
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads) + 1)]
    drawn = ["  ".join([line[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(line[1:], widths[1:]))]) for line in lines]
    return "\n".join([f"{suite.title}: mean ± standard deviation over seeds; published: {suite.source}", "", *drawn])


def digits(value: float, count: int) -> str:
    """Significant digits without an exponent."""
    return np.format_float_positional(value, precision=count, unique=False, fractional=False, trim="-")


def number(metric: dict[str, Any] | None) -> str:
    """A mean and its spread over seeds where there is one; a dash where a row has no such metric."""
    if metric is None:
        return "–"
    return digits(metric["mean"], 4) + ("" if metric["spread"] is None else f" ± {digits(metric['spread'], 2)}")
