"""The table of the evaluation: rows of pictures (references and the model's modes), columns of measures, with every value behind them."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from models.metrics.distribution import frechet_distance, jackknife_error, subset_kernel_distance
from models.metrics.embedder import Naming
from models.metrics.multiview import Consistency, back_projection_consistency
from tasks.evaluate.embedding import OpenedEmbedder
from tasks.evaluate.subjects import Subject

KID_SUBSETS, KID_SEED, KID_SCALE = 100, 0, 1000.0
DIGITS, DECIMALS = 6, 9
"""Significant digits and decimals of published numbers: the last bits of a float depend on the machine."""

CONSISTENCY = {
    "consistency_psnr": (
        "PSNR, dB",
        "views against their re-projections after back-projection onto the surface, inside the mask (R13), of assets whose surface two views see",
    ),
    "consistency_ssim": ("SSIM", "the same comparison as structural similarity"),
    "consistency_psnr_shared": ("PSNR shared, dB", "PSNR only where a second view sees the surface too, where that is at least 1 % of the mask"),
}
DISTANCES = (("fid", "real"), ("kid", "real"), ("fid", "synthetic"), ("kid", "synthetic"))
"""Metric, and the reference set that it is a distance to."""

GROUPS = {"consistency": "3D consistency", "real": "Distance to photographic pictures", "synthetic": "Distance to renders"}
FORMULAS = {"fid": "the Fréchet distance of FID", "kid": "the kernel distance of KID"}
SPREADS = {
    "fid": "± is the standard error by leaving out one asset at a time; few pictures bias the value upwards, alike for all rows",
    "kid": f"mean and standard deviation over {KID_SUBSETS} random halves of the pictures",
}


@dataclass(frozen=True)
class Pictures:
    """A row to be measured. sets: one array (K, H, W, 3) uint8 on white for each asset; views: they are the asset's own views."""

    name: str
    title: str
    kind: Literal["reference", "model"]
    sets: list[np.ndarray] = field(repr=False)
    views: bool = True
    not_against: str = ""
    """The reference set that holds these very pictures: a distance to itself says nothing."""


def columns(naming: Naming) -> list[dict[str, str]]:
    """Name, title, group, meaning and direction of every measure. naming: of the embedder."""
    consistency = [
        {
            "name": name,
            "title": title,
            "group": GROUPS["consistency"],
            "better": "higher",
            "meaning": f"{meaning}; ± is the standard deviation over assets",
        }
        for name, (title, meaning) in CONSISTENCY.items()
    ]
    distances = [
        {
            "name": naming.metric(metric, against),
            "title": naming.metric(metric) + (f" x {KID_SCALE:.0f}" if metric == "kid" else ""),
            "group": GROUPS[against],
            "better": "lower",
            "meaning": _meaning(metric, naming),
        }
        for metric, against in DISTANCES
    ]
    return consistency + distances


def _meaning(metric: str, naming: Naming) -> str:
    small = "" if naming.comparable else " instead of Inception's, so never to be compared with published numbers"
    return f"{FORMULAS[metric]} on {naming.features}{small}; {SPREADS[metric]}"


def measure(rows: list[Pictures], subjects: list[Subject], references: dict[str, list[np.ndarray]], chosen: OpenedEmbedder) -> list[dict[str, Any]]:
    """Measure every row. references: "real" and "synthetic" -> pictures of each asset. Distances need two pictures on both sides."""
    reference_features = {name: _features(sets, chosen) for name, sets in references.items()}
    return [_measure_row(row, subjects, reference_features, chosen) for row in rows]


def _measure_row(
    row: Pictures, subjects: list[Subject], references: dict[str, tuple[np.ndarray, np.ndarray]], chosen: OpenedEmbedder
) -> dict[str, Any]:
    metrics = _consistency(row.sets, subjects) if row.views else {}
    features = _features(row.sets, chosen)
    for metric, against in DISTANCES:
        if against != row.not_against:
            metrics[chosen.naming.metric(metric, against)] = _distance(metric, features, references[against])
    return {"name": row.name, "title": row.title, "kind": row.kind, "metrics": metrics}


def _consistency(sets: list[np.ndarray], subjects: list[Subject]) -> dict[str, Any]:
    scores = {subject.asset_id: back_projection_consistency(subject.surface_views(views)) for subject, views in zip(subjects, sets)}
    return consistency_over_assets(scores)


def consistency_over_assets(scores: dict[str, Consistency]) -> dict[str, Any]:
    """Name -> mean, spread and values of the assets; one of which no two views see the same surface would agree with itself, and is left out."""
    telling = {key: score for key, score in scores.items() if score.psnr_shared is not None}
    columns = {name: {key: getattr(score, name.removeprefix("consistency_")) for key, score in telling.items()} for name in CONSISTENCY}
    return {name: _over_assets(values) for name, values in columns.items() if values}


def _over_assets(values: dict[str, float]) -> dict[str, Any]:
    numbers = list(values.values())
    rounded = {key: published(value) for key, value in values.items()}
    return {"mean": published(np.mean(numbers)), "spread": published(np.std(numbers)), "values": rounded}


def _features(sets: list[np.ndarray], chosen: OpenedEmbedder) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) of all pictures and the place (N,) of the asset that each belongs to."""
    groups = np.concatenate([np.full(len(pictures), place) for place, pictures in enumerate(sets)])
    return np.concatenate([chosen.embedder.features(pictures) for pictures in sets]), groups


def _distance(metric: str, ours: tuple[np.ndarray, np.ndarray], reference: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    (x, x_groups), (y, y_groups) = ours, reference
    if metric == "fid":
        mean, spread = frechet_distance(x, y), jackknife_error(frechet_distance, x, y, x_groups, y_groups)
    else:
        half = max(2, min(len(x), len(y)) // 2)
        mean, spread = subset_kernel_distance(x, y, KID_SUBSETS, half, np.random.default_rng(KID_SEED))
        mean, spread = KID_SCALE * mean, KID_SCALE * spread
    return {"mean": published(mean), "spread": published(spread)}


def published(value: Any) -> float:
    """A number as it is written into `metrics.json`."""
    return float(f"{round(float(value), DECIMALS):.{DIGITS}g}") + 0.0
