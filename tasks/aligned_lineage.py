"""The lineage of an aligned subject: picture, decisions, mesh, pose, shard, and the runs that were trained on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from data_specs.aligned_subject import DECISIONS, LINE, PREVIEWS, AlignedSubjectRecord
from data_specs.asset import CatalogueLine
from data_specs.decision import Decision
from data_specs.manifest import Manifest
from data_specs.shard import ShardRow
from data_specs.subject import SubjectLine
from tasks.ledger import MANIFEST
from tasks.lineage_tree import Node, credit
from tasks.sample_lookup import SampleLookup

WORD, RECORD = "align", "subject.json"
_DECISIONS = TypeAdapter(list[Decision])


def trace_subject(folder: Path, subject_id: str, assets: Mapping[str, CatalogueLine], runs: Mapping[str, Mapping[str, Any]]) -> Node | None:
    """The tree of a subject in the output folder of the stage `align`, kept or dropped; None where it has none of that id.

    assets: by id. runs: `run.json` by name. Raises ValueError for a damaged data set.
    """
    if not (folder / MANIFEST).is_file():
        return None
    lookup = SampleLookup(folder)
    row = next((row for row in lookup.manifest.shards if subject_id in row.inputs), None)
    if row is None:
        return None
    previews = SampleLookup(folder / PREVIEWS)
    line = SubjectLine.model_validate_json(previews.raw(subject_id, LINE))
    decisions = _DECISIONS.validate_json(previews.raw(subject_id, DECISIONS))
    children = [_picture(line, assets), Node(f"decisions: {len(decisions)}", [Node(_said(one)) for one in decisions])]
    if subject_id not in lookup:
        reason = next((one.rule for one in decisions if one.verdict == "dropped"), "a rule that nobody wrote down")
        return Node(f"subject {subject_id}: dropped by {reason}", [*children, _shard(row, lookup.manifest, {})])
    record = AlignedSubjectRecord.model_validate_json(lookup.raw(subject_id, RECORD))
    return Node(f"subject {subject_id}: kept", [*children, _mesh(record, assets), _pose(record), _shard(row, lookup.manifest, runs)])


def some_subjects(folder: Path, count: int) -> list[str]:
    """The first ids of kept subjects, to say what there is."""
    return SampleLookup(folder).keys()[:count] if (folder / MANIFEST).is_file() else []


def _said(decision: Decision) -> str:
    measured = "" if decision.score is None else f" {decision.score:.4g}"
    asked = "" if decision.threshold is None else f" (asked {decision.threshold:.4g})"
    return f"{decision.rule}{measured}{asked}: {decision.verdict}" + (f", {decision.message}" if decision.message else "")


def _picture(line: SubjectLine, assets: Mapping[str, CatalogueLine]) -> Node:
    place = f"{line.location} row {line.row} panel {line.panel}" if line.source == "subjects200k" else line.location
    named = f"{line.item!r}" + (f", {line.caption!r}" if line.caption else "")
    parts = [
        f"{line.source} {place}",
        f"sha256 {line.sha256}",
        f"licence {line.licence}",
        f"by {line.author}" if line.author else "",
        line.attribution,
    ]
    shown = [Node(f"made of {credit(assets[line.object_id])}")] if line.source == "composed" and line.object_id in assets else []
    return Node("picture: " + ", ".join(filter(None, parts)), [Node(f"named {named}"), *shown])


def _mesh(record: AlignedSubjectRecord, assets: Mapping[str, CatalogueLine]) -> Node:
    if record.mesh_origin in assets:
        return Node("mesh: found", [Node(credit(assets[record.mesh_origin]))])
    return Node(f"mesh: by {record.mesh_origin}" + (f", key {record.mesh_key}" if record.mesh_key else ""))


def _pose(record: AlignedSubjectRecord) -> Node:
    away = record.camera.to_camera().camera_from_world[2, 3]
    symmetric = {None: "symmetry not looked for", True: "symmetric", False: "not symmetric"}[record.symmetric]
    depth = "no depth" if record.depth_scale is None else f"depth scaled by {record.depth_scale:.4g}"
    return Node(f"pose: {away:.4g} units before the camera, {symmetric}, {depth}")


def _shard(row: ShardRow, manifest: Manifest, runs: Mapping[str, Mapping[str, Any]]) -> Node:
    digest = manifest.digest()
    users = [name for name, record in runs.items() if row.split == "train" and record["data"].get(WORD) == digest]
    trained = [Node(f"run {name} ({runs[name]['id']}) was trained on it") for name in users]
    settings = Node(f"version {manifest.version}, seed {manifest.params.get('seed')}, models {manifest.params.get('models')}")
    return Node(f"{WORD} {row.split} shard {row.file} sha256 {row.sha256} of data set {digest}", [settings, *trained])
