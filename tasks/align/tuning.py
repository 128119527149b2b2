"""`align --tune`: thresholds chosen on composed pictures with planted faults, and the funnel's precision and recall on other objects (SPEC F11).

Every score of every candidate is kept: choosing again takes a moment. A killed run goes on with the objects that are missing.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from data_specs.align_params import AlignParams, FilterParams
from data_specs.ids import content_id, sha256_bytes
from data_specs.params import Params
from models.metrics.embedder import embedder_digest
from models.perception.depth_estimator import make_depth_estimator
from models.perception.detector import make_detector
from models.perception.nearest_asset import CatalogueAsset, NearestAsset
from models.perception.pose_estimator import make_pose_estimator
from models.perception.segmenter import make_segmenter
from tasks.align.fault_scoring import score_object
from tasks.align.filters import FILTERS, open_filters
from tasks.align.kept_meshes import KeptMeshes
from tasks.align.mesh_preparation import MeshPreparation, ReadLimits
from tasks.align.models import Models
from tasks.align.steps import Tools
from tasks.align.subjects import STAGE
from tasks.align.thresholds import ESTIMATOR, Rule, Scored, caught_by, choose, interval, tighten
from tasks.align.tuning_scenes import SPLITS, TuningObject, tuning_objects
from tasks.artefacts import Workspace, write_atomic
from tasks.progress import Progress

RESULT, SCORES = "tuning.json", "tuning"
VERSION = 3
"""Of scenes, faults and how scores are measured: raise it when they change, and all is scored again."""

SCORED_BY = {"detector", "segmenter", "depth", "pose", "appearance", "fov_degrees", "samples_per_edge_pixel", "tuning"}
"""Parameters that scores depend on."""

ASKED = ("precision", "recall")
"""Parameters of the tuning that they do not depend on."""

FIXED = ("mesh_faces", "mesh_thickness", "mask_least", "mask_most", "mask_score", "box_border", "box_count", "micro_distance")
"""Rules whose faults are not planted, or are what a later rule sees better: their thresholds stay as the parameters have them."""

PARTS = 4
"""Of the categories, for what thresholds reach on categories that they were not chosen by."""

TIGHTEST = {"mirror_lead": 0.0, "rival_lead": 0.0}
"""Who is not outdone by the mirror image is not the mirror image; nor seen from another side who is not outdone from there."""

SLACK = 1.5
"""The loosest threshold is so many times what is needed to keep all that is right in the tuning split."""

AIM = 0.5
"""Of the errors that are allowed: the test split will have more than the tuning split."""

SPARE = 0.05
"""Share of what is right that is kept beyond what is asked, for the same reason."""


def tune(workspace: Workspace, params: Params) -> Path:
    """Score both splits, choose on the one, check on the other, write `runs/<size>/align/tuning.json`; returns its path.

    Raises ValueError saying what is missing.
    """
    ours = params.align
    objects = {split: tuning_objects(split, ours.tuning, ReadLimits.of(params.assets)) for split in SPLITS}
    found = {split: _scored_split(workspace, params, objects[split], split) for split in SPLITS}
    categories = {one.object_id: one.category for split in SPLITS for one in objects[split]}
    rules, free, chosen = chosen_thresholds(ours, found["tuning"])
    record = {
        "params": ours.model_dump(mode="json"),
        "thresholds": {rule.name: chosen[rule.name] for rule in free},
        "asked": {"precision": ours.tuning.precision, "recall": ours.tuning.recall, "yield": ours.tuning.recall},
        "splits": {split: summary(rules, chosen, found[split]) for split in SPLITS},
        "left_out": left_out(ours, [one for split in SPLITS for one in found[split]], categories),
        "candidates": {split: [asdict(one) for one in found[split]] for split in SPLITS},
    }
    path = workspace.runs / STAGE / RESULT
    write_atomic(path, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return path


def chosen_thresholds(params: AlignParams, found: list[Scored]) -> tuple[list[Rule], list[Rule], dict[str, float]]:
    """The rules, those of them that are free, and the threshold of each, as tight as the recall allows. ValueError where nothing is right."""
    rules, free = _rules(params, found)
    aim = 1.0 - AIM * (1.0 - params.tuning.precision)
    chosen = tighten(rules, choose(rules, found, aim, free), found, min(params.tuning.recall + SPARE, 1.0), free)
    return rules, free, {rule.name: _rounded(chosen[rule.name], rule.at_least) for rule in rules}


def left_out(params: AlignParams, found: list[Scored], categories: dict[str, str]) -> dict[str, Any]:
    """What thresholds reach on categories that they were not chosen by: each of four parts of the categories in turn, chosen by the other three.

    found: candidates of both splits. categories: of the objects. A part that leaves nothing to choose by is passed over.
    """
    names = sorted(set(categories.values()))
    kept, right = [], 0
    for part in range(PARTS):
        outside = set(names[part::PARTS])
        inside = [one for one in found if categories[one.object_id] not in outside]
        others = [one for one in found if categories[one.object_id] in outside]
        if any(one.right for one in inside):
            rules, _, chosen = chosen_thresholds(params, inside)
            kept += [one for one in others if not caught_by(rules, chosen, one)]
            right += sum(one.right for one in others)
    kept_right = sum(one.right for one in kept)
    return {"precision": _counted(kept_right, len(kept)), "recall": _counted(kept_right, right)}


def describe(path: Path) -> str:
    """The thresholds, what they catch and what they reach, for a terminal."""
    record = json.loads(path.read_bytes())
    lines = []
    for split in SPLITS:
        numbers = record["splits"][split]
        lines += [f"{split}: {numbers['objects']} objects, {numbers['candidates']} candidates", *_fault_table(numbers["faults"])]
        lines += [_share(name, numbers[name], record["asked"][name]) for name in ("precision", "recall", "yield")]
    lines.append(f"both splits, each quarter of the categories by thresholds chosen on the other {PARTS - 1}:")
    lines += [_share(name, record["left_out"][name], record["asked"][name]) for name in ("precision", "recall")]
    chosen = yaml.safe_dump({"align": {"filters": record["thresholds"]}}, sort_keys=False)
    return "\n".join([*lines, f"every score of every candidate: {path}", "chosen on the tuning split:", chosen])


def summary(rules: list[Rule], thresholds: dict[str, float], found: list[Scored]) -> dict[str, Any]:
    """What becomes of the candidates of a split, by fault, and shares with their intervals.

    precision: of what is kept, right. recall: of what is right, kept. yield: of the pictures without a planted fault, kept and right: what the
    detector, the segmenter and the pose estimator lose is lost here too.
    """
    fates = [(one, caught_by(rules, thresholds, one)) for one in found]
    by_fault: dict[str, Counter[str]] = {}
    for one, rule in fates:
        by_fault.setdefault("none" if one.right else one.fault or ESTIMATOR, Counter())[rule] += 1
    kept = [one for one, rule in fates if not rule]
    kept_right = sum(one.right for one in kept)
    return {
        "objects": len({one.object_id for one in found}),
        "candidates": len(found),
        "faults": {fault: _fate(fates_of) for fault, fates_of in by_fault.items()},
        "precision": _counted(kept_right, len(kept)),
        "recall": _counted(kept_right, sum(one.right for one in found)),
        "yield": _counted(kept_right, sum(not one.fault for one in found)),
    }


def _rules(params: AlignParams, found: list[Scored]) -> tuple[list[Rule], list[Rule]]:
    """The rules in the order in which they apply, and those of them whose thresholds are chosen; the others stay as the parameters have them."""
    if not any(candidate.right for candidate in found):
        raise ValueError("the pipeline gets no picture of the tuning split right: there is nothing to choose thresholds by")
    rules, free = [], []
    for one in FILTERS:
        right = [candidate.scores[one.rule] for candidate in found if candidate.right and one.rule in candidate.scores]
        at_least, chosen = one.keep == "at_least", one.rule not in FIXED
        if right and one.rule in FilterParams.model_fields:
            threshold = _loosest(one.rule, right, at_least) if chosen else one.threshold(params)
            rules.append(Rule(one.rule, at_least, threshold, TIGHTEST.get(one.rule)))
            free += rules[-1:] if chosen else []
    return rules, free


def _loosest(rule: str, right: list[float], at_least: bool) -> float:
    """Looser than what any right candidate needs; scores may be negative, as leads are."""
    if at_least:
        return min(right) - (1.0 - 1.0 / SLACK) * abs(min(right))
    needed = max(right) + (SLACK - 1.0) * abs(max(right))
    return max(needed, TIGHTEST.get(rule, needed))


def _scored_split(workspace: Workspace, params: Params, objects: list[TuningObject], split: str) -> list[Scored]:
    """The candidates of every object, from the disk where they have been scored before."""
    folder = workspace.runs / STAGE / SCORES / _scored_by(params.align, objects)
    missing = [one for one in objects if not (folder / f"{one.object_id}.json").exists()]
    if missing:
        tools = _tools(params, objects, folder)
        with Progress(workspace, f"align-{split}", len(objects)) as progress:
            progress.advance(len(objects) - len(missing), "scored before")
            for one in missing:
                others = [other for other in objects if other is not one]
                scored = [asdict(candidate) for candidate in score_object(one, others, tools)]
                write_atomic(folder / f"{one.object_id}.json", json.dumps(scored).encode())
                progress.advance(1, one.object_id)
    return [Scored(**candidate) for one in objects for candidate in json.loads((folder / f"{one.object_id}.json").read_bytes())]


def _scored_by(params: AlignParams, objects: list[TuningObject]) -> str:
    """The id of all that the scores of a split depend on: models, scenes, rules, and the objects, which serve as each other's faults."""
    settings = params.model_dump(mode="json", include=SCORED_BY)
    scenes = {name: value for name, value in settings.pop("tuning").items() if name not in ASKED}
    shapes = [(one.object_id, sha256_bytes(one.mesh.vertices.tobytes())) for one in objects]
    return content_id(settings, scenes, VERSION, embedder_digest("micro"), [one.rule for one in FILTERS], shapes)


def _tools(params: Params, objects: Iterable[TuningObject], folder: Path) -> Tools:
    """The models of the parameters, but a generator that finds the objects of a split; their meshes need no preparation."""
    ours = params.align
    models = Models(
        detector=make_detector(ours.detector),
        segmenter=make_segmenter(ours.segmenter),
        background=None,
        mesh=NearestAsset(CatalogueAsset(one.object_id, one.mesh, bytes) for one in objects),
        preparation=MeshPreparation(ReadLimits.of(params.assets), ours.mesh.max_faces, ours.mesh.texture_pixels),
        depth=make_depth_estimator(ours.depth),
        pose=make_pose_estimator(ours.pose, folder),
        filters=open_filters(ours.appearance),
    )
    return Tools(models, ours, KeptMeshes(folder))


def _fate(by_rule: Counter[str]) -> dict[str, Any]:
    return {"candidates": by_rule.total(), "kept": by_rule[""], "by": {rule: count for rule, count in by_rule.most_common() if rule}}


def _counted(count: int, of: int) -> dict[str, Any]:
    low, high = interval(count, of)
    return {"count": count, "of": of, "share": count / of if of else None, "low": low, "high": high}


def _rounded(value: float, at_least: bool) -> float:
    """To a thousandth, to the looser side: who is just good enough stays so."""
    return (math.floor if at_least else math.ceil)(value * 1000.0) / 1000.0


def _fault_table(faults: dict[str, Any]) -> list[str]:
    lines = [f"  {'fault':<18}{'candidates':>11}{'caught':>8}{'kept':>6}  caught by"]
    for fault, row in faults.items():
        by = ", ".join(f"{rule} {count}" for rule, count in sorted(row["by"].items(), key=lambda item: -item[1]))
        lines.append(f"  {fault:<18}{row['candidates']:>11}{row['candidates'] - row['kept']:>8}{row['kept']:>6}  {by}")
    return lines


def _share(name: str, counted: dict[str, Any], asked: float) -> str:
    share = "none" if counted["share"] is None else f"{counted['share']:.1%}"
    return (
        f"  {name}: {counted['count']} of {counted['of']} = {share}, 95 % interval {counted['low']:.1%} to {counted['high']:.1%} (asked: {asked:.0%})"
    )
