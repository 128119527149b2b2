"""The table of the evaluation: rows of pictures (references and the model's modes), columns of measures, with every value behind them."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from data_specs.suite import Surface
from models.metrics.distribution import frechet_distance, jackknife_error, subset_kernel_distance
from models.metrics.embedder import Naming
from models.metrics.multiview import Consistency
from tasks.evaluate.embedding import OpenedEmbedder
from tasks.evaluate.subjects import Subject
from tasks.evaluate.surface import SURFACES, agreement

KID_SUBSETS, KID_SEED, KID_SCALE = 100, 0, 1000.0
DIGITS, DECIMALS = 6, 9
"""Significant digits and decimals of published numbers: the last bits of a float depend on the machine."""

PSNR, SSIM, SHARED = "consistency_psnr", "consistency_ssim", "consistency_psnr_shared"
CONSISTENCY = {
    PSNR: ("PSNR, dB", "views against their re-projections after back-projection onto {onto}"),
    SSIM: ("SSIM", "the same comparison as structural similarity"),
    SHARED: ("PSNR shared, dB", "PSNR only where a second view sees the surface too, where that is at least 1 % of the mask"),
}
MEASURED: dict[Surface, tuple[str, ...]] = {"given_surface": (PSNR, SSIM, SHARED), "visual_hull": (PSNR, SSIM), "none": ()}
"""Of a hull it depends on the pictures which part two views share."""

DISTANCES = (("fid", "real"), ("kid", "real"), ("fid", "synthetic"), ("kid", "synthetic"))
"""Metric, and the reference set that it is a distance to."""

GROUPS = {"consistency": "3D consistency", "real": "Distance to {real}", "synthetic": "Distance to renders"}
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


def columns(naming: Naming, surface: Surface, real: str) -> list[dict[str, str]]:
    """Name, title, group, meaning and direction of every measure. naming: of the embedder. real: what the real pictures are called."""
    consistency = [
        {
            "name": name,
            "title": CONSISTENCY[name][0],
            "group": GROUPS["consistency"],
            "better": "higher",
            "meaning": f"{CONSISTENCY[name][1].format(onto=SURFACES[surface])}; ± is the standard deviation over assets",
        }
        for name in MEASURED[surface]
    ]
    distances = [
        {
            "name": naming.metric(metric, against),
            "title": naming.metric(metric) + (f" x {KID_SCALE:.0f}" if metric == "kid" else ""),
            "group": GROUPS[against].format(real=real),
            "better": "lower",
            "meaning": _meaning(metric, naming),
        }
        for metric, against in DISTANCES
    ]
    return consistency + distances


def _meaning(metric: str, naming: Naming) -> str:
    small = "" if naming.comparable else " instead of Inception's, so never to be compared with published numbers"
    return f"{FORMULAS[metric]} on {naming.features}{small}; {SPREADS[metric]}"


def measure(
    rows: list[Pictures], subjects: list[Subject], references: dict[str, list[np.ndarray]], chosen: OpenedEmbedder, surface: Surface
) -> list[dict[str, Any]]:
    """Measure every row. references: "real" and "synthetic" -> pictures of each asset. Distances need two pictures on both sides."""
    reference_features = {name: _features(sets, chosen) for name, sets in references.items()}
    return [
        {
            "name": row.name,
            "title": row.title,
            "kind": row.kind,
            "metrics": (_consistency(row.sets, subjects, surface) if row.views else {}) | _distances(row, reference_features, chosen),
        }
        for row in rows
    ]


def _distances(row: Pictures, references: dict[str, tuple[np.ndarray, np.ndarray]], chosen: OpenedEmbedder) -> dict[str, Any]:
    features = _features(row.sets, chosen)
    return {
        chosen.naming.metric(metric, against): _distance(metric, features, references[against])
        for metric, against in DISTANCES
        if against != row.not_against
    }


def _consistency(sets: list[np.ndarray], subjects: list[Subject], surface: Surface) -> dict[str, Any]:
    if surface == "none":
        return {}
    return consistency_over_assets({subject.asset_id: agreement(subject, views, surface) for subject, views in zip(subjects, sets)}, surface)


def consistency_over_assets(scores: dict[str, Consistency], surface: Surface = "given_surface") -> dict[str, Any]:
    """Name -> mean, spread and values of the assets; one of whose surface two views see nothing would agree with itself, and is left out."""
    telling = {key: score for key, score in scores.items() if surface != "given_surface" or score.psnr_shared is not None}
    columns = {name: {key: getattr(score, name.removeprefix("consistency_")) for key, score in telling.items()} for name in MEASURED[surface]}
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
