"""The stage `align`: pictures of named objects to mesh, pose and point map, in shards (SPEC F11)."""

import shutil
from collections.abc import Iterator
from typing import NamedTuple

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_specs.aligned_subject import PREVIEWS, TRUTH
from data_specs.ids import canonical_json, content_id, split_of
from data_specs.manifest import Manifest
from data_specs.params import Params
from data_specs.shard import ShardPlan, ShardRow, Split
from data_specs.subject import SubjectLine
from models.perception.foundation_pose import remove_scenes
from tasks.align.asset_catalogue import AssetCatalogue
from tasks.align.attribution import attribution_page
from tasks.align.chosen_for import inherited_thresholds
from tasks.align.earlier_meshes import keep_earlier
from tasks.align.filters import FILTERS
from tasks.align.kept_meshes import KeptMeshes, limit_kept
from tasks.align.mesh_preparation import ReadLimits
from tasks.align.models import Setup, model_digests
from tasks.align.qa_page import write_qa_pages
from tasks.align.retries import note_retries, read_retries, retries_of
from tasks.align.set_up import check_set_up
from tasks.align.shard_sets import beside_plan, build_sets, forget_incomplete
from tasks.align.subjects import STAGE, read_subjects
from tasks.align.verdicts import HumanVerdict, read_verdicts, unknown_verdicts, verdicts_of
from tasks.align.work_item import AlignJob
from tasks.artefacts import Workspace, write_atomic
from tasks.asset_shards import SOURCE_WORD
from tasks.fan_out import Pool
from tasks.ledger import Ledger, read_manifest
from tasks.progress import Progress

WORD = STAGE
VERSION = 7
MESHES, SCENES = "meshes", "scenes"
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_SPEED_AND_PLACES: dict[str, set[str] | bool] = {
    "location": True,
    "further_folder": True,
    "count": True,
    "shard_items": True,
    "batch": True,
    "timeout_s": True,
    "retry": True,
    "verdicts": True,
    "tuning": True,
    "detector": {"weights", "sha256", "device", "text_encoder"},
    "segmenter": {"weights", "sha256", "device"},
    "background": {"weights", "sha256"},
    "depth": {"weights", "sha256", "device"},
    "mesh": {"url", "route", "timeout_s", "expected_s", "attempts", "first_pause_s", "poll_s", "queue_limit", "kept_gb"},
    "pose": {"timeout_s", "by_hand"},
    "appearance": {"weights", "sha256"},
}
"""Of the parameters: what does not reach the bytes, or reaches them as a digest."""


def plan(workspace: Workspace, params: Params) -> list[ShardPlan]:
    """The shards of a source's lines, each split on its own; none where the source is empty.

    Raises ValueError for a source, verdicts or weights that cannot be read, or for assets, GPUs, servers or commands that are needed and not there.
    """
    ours = params.align
    if not ours.source:
        return []
    _say(check_set_up(params))
    _say(inherited_thresholds(ours))
    catalogue = _catalogue(workspace, params)
    settings, verdicts = _settings(params, catalogue), read_verdicts(ours.verdicts)
    groups: dict[Split, list[tuple[str, str]]] = {split: [] for split in SPLITS}  # ids and JSON: there may be hundreds of thousands
    for line in read_subjects(ours, workspace.runs / WORD, catalogue):
        split = split_of(line.object_id, params.assets.validation, params.assets.test)
        groups[split].append((line.subject_id, canonical_json(line.model_dump(mode="json"))))
    _say(unknown_verdicts(ours.verdicts, verdicts, (subject_id for lines in groups.values() for subject_id, _ in lines)))
    folder = workspace.folder(WORD)
    plans = _shard_plans(groups, ours.shard_items, settings, Said(verdicts, read_retries(folder)))
    again = note_retries(folder, plans, ours.retry) if ours.retry else ""
    _say(again)
    return _shard_plans(groups, ours.shard_items, settings, Said(verdicts, read_retries(folder))) if again else plans


@task(name="align-shard", cache_policy=NO_CACHE, retries=1)
def build(workspace: Workspace, params: Params, plan: ShardPlan, pool: Pool, progress: Progress | None = None) -> ShardRow:
    """Align one shard; every line ends in it or as a decision of its row. Raises ValueError when a model or a mesh server is not there."""
    if params.align.mesh.kind != "nearest_asset":
        keep_earlier(workspace.folder(WORD), plan, _kept(workspace, plan))
    return build_sets(workspace.folder(WORD), plan, jobs_of(workspace, params, plan), pool, params.align.batch_timeout_s, progress)


def jobs_of(workspace: Workspace, params: Params, plan: ShardPlan) -> list[AlignJob]:
    """The work items of a shard, in the order of its lines."""
    ours = params.align
    scenes = workspace.runs / WORD / SCENES / content_id(plan.params["pose"], plan.params["models"].get("pose", ""))
    setup = Setup(ours, ReadLimits.of(params.assets), _catalogue(workspace, params), str(scenes))
    lines = [SubjectLine.model_validate_json(text) for text in plan.inputs]
    verdicts = {key: HumanVerdict.model_validate(said) for key, said in plan.params["verdicts"].items()}
    return [
        AlignJob(tuple(lines[start : start + ours.batch]), setup, plan.split, params.seed, _kept(workspace, plan), verdicts)
        for start in range(0, len(lines), ours.batch)
    ]


def publish(workspace: Workspace, params: Params, plans: list[ShardPlan]) -> Manifest:
    """Write the manifests of the shard sets, that of the samples last; and over them the QA page and ATTRIBUTION.md.

    Raises ValueError when shards are missing, saying what to do.
    """
    folder, catalogue = workspace.folder(WORD), _catalogue(workspace, params)
    inputs = {} if catalogue is None else {SOURCE_WORD: read_manifest(workspace.folder(SOURCE_WORD)).digest()}
    settings = _settings(params, catalogue) if plans else {}
    entered = sum(len(one.inputs) for one in plans)
    names = (PREVIEWS, *((TRUTH,) if params.align.source == "composed" else ()))
    forget_incomplete(folder, plans, names)
    for name in names:
        beside = [beside_plan(one, name) for one in plans]
        Ledger(folder / name, WORD).publish(beside, size=workspace.size, version=VERSION, params={}, inputs={}, entered=entered)
    if params.align.source != "composed":
        shutil.rmtree(folder / TRUTH, ignore_errors=True)  # of an earlier run
    manifest = Ledger(folder, WORD).publish(plans, size=workspace.size, version=VERSION, params=settings, inputs=inputs, entered=entered)
    write_atomic(folder / "ATTRIBUTION.md", attribution_page(workspace.size, _kept_lines(manifest, plans), catalogue is not None).encode())
    write_qa_pages(folder, read_verdicts(params.align.verdicts), FILTERS)
    for scenes in (workspace.runs / WORD / SCENES).glob("*/"):
        remove_scenes(scenes)
    limit_kept(workspace.runs / WORD / MESHES, params.align.mesh.kept_gb * 1e9)
    return manifest


def _say(words: str) -> None:
    if words:
        print(f"{WORD}: {words}", flush=True)


class Said(NamedTuple):
    """What was said of single pictures, by subject id: by people, and how often they were to be tried again."""

    verdicts: dict[str, HumanVerdict]
    retries: dict[str, int]


def _shard_plans(groups: dict[Split, list[tuple[str, str]]], shard_items: int, settings: dict, said: Said) -> list[ShardPlan]:
    return [
        _shard_plan(split, number, lines[start : start + shard_items], settings, said)
        for split, lines in groups.items()
        for number, start in enumerate(range(0, len(lines), shard_items))
    ]


def _shard_plan(split: Split, number: int, lines: list[tuple[str, str]], settings: dict, said: Said) -> ShardPlan:
    """The plan of a shard; lines: subject id and JSON of each. What was said is part of it for these pictures alone."""
    keys = [subject_id for subject_id, _ in lines]
    own = {"verdicts": verdicts_of(said.verdicts, keys)} | retries_of(said.retries, keys)
    return ShardPlan(word=WORD, split=split, index=number, inputs=[text for _, text in lines], params=settings | own, version=VERSION)


def _kept_lines(manifest: Manifest, plans: list[ShardPlan]) -> Iterator[SubjectLine]:
    """The lines of the pictures that became samples."""
    samples = {key for row in manifest.shards for key in row.samples}
    return (line for one in plans for line in map(SubjectLine.model_validate_json, one.inputs) if line.subject_id in samples)


def _kept(workspace: Workspace, plan: ShardPlan) -> KeptMeshes:
    return KeptMeshes.of(workspace.runs / WORD / MESHES, plan.params)


def _catalogue(workspace: Workspace, params: Params) -> AssetCatalogue | None:
    """The assets, where pictures are made of them or meshes found among them."""
    needed = params.align.source and (params.align.source == "composed" or params.align.mesh.kind == "nearest_asset")
    return AssetCatalogue.open(workspace.folder(SOURCE_WORD)) if needed else None


def _settings(params: Params, catalogue: AssetCatalogue | None) -> dict:
    """What reaches the bytes: not where a model lies or how fast it answers, but which it is."""
    ours = params.align
    settings = ours.model_dump(mode="json", exclude=_SPEED_AND_PLACES)  # type: ignore[arg-type]
    if ours.source != "composed":
        del settings["composed"]
    elif ours.composed.faults and catalogue is not None:
        settings["assets"] = catalogue.digest  # a planted mesh is that of any asset; a line knows but its own
    limits = params.assets.model_dump(mode="json", include={"max_faces", "max_texture_pixels", "max_file_mb", "memory_mb"})
    return settings | {"limits": limits, "models": model_digests(ours, catalogue), "seed": params.seed}
