"""The stage as a whole: lines to shards of samples, previews and truths; decisions; the same bytes from every run."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data_specs.aligned_subject import AlignedSubjectRecord, SubjectTruth
from data_specs.params import Params, load_params
from models.geometry.procedural import build_object
from models.image_codec import decode_member
from tasks.align import task, work_item
from tasks.align.picture_folder import read_picture_file
from tasks.align.reviewed import reviewed
from tasks.align.shard_sets import aligned
from tasks.align.truth import pose_truth
from tasks.align.verification import check_sample
from tasks.artefacts import Workspace
from tasks.attempt import Failure, Outcome
from tasks.fan_out import Pool
from tasks.ledger import Ledger, read_manifest
from tasks.sample_lookup import SampleLookup
from tasks.shard_io import read_shard
from tests.tasks.align.quick_models import build_everything, quick_models, quick_params, write_pictures
from tests.tasks.asset_folder import write_assets
from tests.tasks.building import contents

SHOWN = {"teapot": 41, "robot": 42}


@pytest.fixture(autouse=True)
def real_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test puts in place of the models is undone after it."""
    monkeypatch.setattr(work_item, "open_models", work_item.open_models)


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Params]:
    """Two composed pictures through the embedded models."""
    meshes = {f"{category}_{seed}": (build_object(category, seed).smooth, build_object(category, seed).detailed) for category, seed in SHOWN.items()}
    workspace = write_assets(tmp_path_factory.mktemp("composed"), meshes, "test")
    params = load_params("tiny", ["align.count=2", "align.size_pixels=160", "align.composed.size_pixels=160"])
    build(workspace, params)
    return workspace, params


def build(workspace: Workspace, params: Params) -> None:
    plans = task.plan(workspace, params)
    with Pool(params.execution) as pool:
        for plan in plans:
            task.build.fn(workspace, params, plan, pool)
    task.publish(workspace, params, plans)


def test_composed_pictures_are_aligned_as_they_truly_are(composed: tuple[Workspace, Params]) -> None:
    workspace, _ = composed
    folder = workspace.folder("align")
    samples, truths = SampleLookup(folder), SampleLookup(folder / "truth")
    kept = samples.keys()
    assert kept and len(truths.keys()) == 2
    for key in kept:
        record = AlignedSubjectRecord.model_validate(samples.read(key, r"subject\.json")["subject.json"])
        known = truths.read(key)
        truth = SubjectTruth.model_validate(known["truth.json"])
        assert truth.asset_id == record.mesh_origin == record.object_id and truth.fault == ""
        category, seed = truth.asset_id.split("_")
        right = pose_truth(build_object(category, int(seed)).detailed, np.array(truth.camera_from_object))
        assert right.is_right(record.camera.to_camera().camera_from_world)
        assert record.depth_scale == pytest.approx(truth.depth_scale, rel=0.02), "the pose says it more exactly than the mask"
        mask = samples.read(key, r"mask\.png")["mask.png"] > 127
        assert (mask & (known["mask.png"] > 127)).sum() / (mask | (known["mask.png"] > 127)).sum() > 0.9


def test_every_picture_has_a_preview_and_its_decisions(composed: tuple[Workspace, Params]) -> None:
    folder = composed[0].folder("align")
    manifest, previews = read_manifest(folder), SampleLookup(folder / "previews")
    keys = previews.keys()
    assert manifest.entered == 2 == len(keys)
    for key in keys:
        beside = previews.read(key)
        assert beside["preview.jpg"].shape[0] == 192
        rules = {decision["rule"] for decision in beside["decisions.json"]}
        assert {"no_name", "box_score", "mask_least", "silhouette_iou", "micro_distance"} <= rules
    assert all(decision.verdict == "dropped" for decision in manifest.decisions()), "what was measured of 200,000 pictures has no room in a manifest"
    assert (folder / "qa.html").is_file()
    page = (folder / "ATTRIBUTION.md").read_text()
    assert f"{manifest.samples()} pictures of the data set `tiny`" in page and "## CC0-1.0" in page and "../assets/ATTRIBUTION.md" in page


def test_samples_hold_what_the_record_says(composed: tuple[Workspace, Params]) -> None:
    folder = composed[0].folder("align")
    previews = SampleLookup(folder / "previews")
    for row in read_manifest(folder).shards:
        for sample in read_shard(folder / row.file):
            measured = check_sample(sample)
            assert measured["reprojection_pixels"] < 0.5 and measured["silhouette_iou"] > 0.8
            record = AlignedSubjectRecord.model_validate_json(sample.members["subject.json"])
            assert record.plan == "turntable8" and len(record.views) == 8
            named = {"picture.png", "mask.png", "posed.png", "position.png", "mesh.glb"}
            assert named | {f"turn{i:02d}.{kind}.png" for i in range(8) for kind in ("rgb", "position")} < sample.members.keys()
            assert decode_member("picture.png", sample.members["picture.png"]).shape == (160, 160, 3)
            decisions = previews.read(sample.key, r"decisions\.json")["decisions.json"]
            assert record.scores == {decision["rule"]: decision["score"] for decision in decisions if decision["score"] is not None}


def test_a_second_run_has_nothing_to_do(composed: tuple[Workspace, Params]) -> None:
    workspace, params = composed
    plans = task.plan(workspace, params)
    assert Ledger(workspace.folder("align"), "align").pending(plans) == []
    before = contents(workspace.folder("align"))
    build(workspace, params)
    assert contents(workspace.folder("align")) == before


def test_previews_that_are_gone_are_built_again_by_the_next_run(tmp_path: Path, pictures: Path) -> None:
    params = quick_params(pictures)
    build_everything(tmp_path, params)
    folder, before = Workspace(tmp_path, "tiny").folder("align"), contents(tmp_path / "data")
    shutil.rmtree(folder / "previews")
    with pytest.raises(ValueError, match=r"previews lacks what belongs to \d+ finished shards.*run `atelier3d align --size tiny` again"):
        task.publish(Workspace(tmp_path, "tiny"), params, task.plan(Workspace(tmp_path, "tiny"), params))
    build_everything(tmp_path, params)
    assert contents(tmp_path / "data") == before


def test_a_planted_mesh_of_another_asset_is_part_of_the_shard(tmp_path: Path) -> None:
    def planned(seed: int, *overrides: str) -> set[str]:
        meshes = {"robot_42": (build_object("robot", 42).smooth, None), "teapot_41": (build_object("teapot", seed).smooth, None)}
        workspace = write_assets(tmp_path / f"{seed}", meshes, "test")
        params = load_params("tiny", ["align.count=1", "align.mesh.kind=hunyuan3d", "align.mesh.server_model=any", *overrides])
        return {json.dumps(plan.params) for plan in task.plan(workspace, params)}

    assert planned(41) == planned(43)
    assert planned(41, "align.composed.faults=[wrong_mesh]") != planned(43, "align.composed.faults=[wrong_mesh]")


def test_an_empty_source_is_an_empty_data_set(tmp_path: Path) -> None:
    workspace, params = Workspace(tmp_path, "tiny"), load_params("tiny", ["align.source=''"])
    build(workspace, params)
    manifest = read_manifest(workspace.folder("align"))
    assert manifest.entered == 0 and manifest.shards == []


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", 7)


def test_batches_change_nothing_and_a_damaged_picture_is_a_decision(tmp_path: Path, pictures: Path) -> None:
    (pictures / "broken.png").write_bytes(b"no picture")
    build_everything(tmp_path / "one", quick_params(pictures))
    build_everything(tmp_path / "three", quick_params(pictures, "align.batch=3"))
    assert contents(tmp_path / "one/data") == contents(tmp_path / "three/data")
    manifest = read_manifest(tmp_path / "one/data/tiny/align")
    dropped = [decision for decision in manifest.decisions() if decision.verdict == "dropped"]
    assert manifest.entered == 8 and manifest.samples() == 7 and [one.rule for one in dropped] == ["damaged"]
    assert len(list((tmp_path / "one/runs/tiny/align/meshes").rglob("*.glb"))) == 7
    assert not (tmp_path / "one/data/tiny/align/truth").exists()


def test_a_line_that_drops_its_picture_leaves_it_unread(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(work_item, "read_picture", lambda line, root: read.append(line.subject_id) or read_picture_file(line, root))
    first, _, *others = sorted(pictures.glob("*.png"))
    first.rename(pictures / "7.png")  # a number is no name
    for path in others:
        path.unlink()
    build_everything(tmp_path, quick_params(pictures))
    shown = {one.item: one for one in reviewed(tmp_path / "data/tiny/align")}
    assert read == [shown["gift box"].subject_id] and shown["gift box"].preview_jpeg
    assert (shown[""].rule, shown[""].preview_jpeg, shown[""].source) == ("no_name", None, "folder")


def test_a_manifest_names_lines_by_their_ids(tmp_path: Path, pictures: Path) -> None:
    params = quick_params(pictures)
    build_everything(tmp_path, params)
    workspace = Workspace(tmp_path, "tiny")
    plans, manifest = task.plan(workspace, params), read_manifest(workspace.folder("align"))
    planned = {json.loads(text)["subject_id"]: text for plan in plans for text in plan.inputs}
    assert sorted(key for row in manifest.shards for key in row.inputs) == sorted(planned)
    previews = SampleLookup(workspace.folder("align") / "previews")
    assert {key: previews.raw(key, "line.json").decode() for key in previews.rows} == planned


def test_what_people_say_changes_the_shard_of_that_picture_alone(tmp_path: Path, pictures: Path) -> None:
    workspace, verdicts = Workspace(tmp_path, "tiny"), tmp_path / "verdicts.json"
    plans = task.plan(workspace, quick_params(pictures))
    subject = json.loads(plans[0].inputs[0])["subject_id"]
    verdicts.write_text(json.dumps({"version": 1, "verdicts": {subject: {"verdict": "drop", "note": "blurred"}}}))
    params = quick_params(pictures, f"align.verdicts={verdicts}")
    changed = {plan.file_name for plan in task.plan(workspace, params)} ^ {plan.file_name for plan in plans}
    assert len(changed) == 2 and all(plans[0].split in name for name in changed)
    build_everything(tmp_path, params)
    manifest = read_manifest(workspace.folder("align"))
    assert manifest.samples() == 6
    assert [(one.item_id, one.rule, one.message) for one in manifest.decisions() if one.verdict == "dropped"] == [
        (subject, "human", "dropped by a human: blurred")
    ]


def test_verdicts_on_unknown_pictures_are_counted_and_stop_nothing(tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace, verdicts = Workspace(tmp_path, "tiny"), tmp_path / "verdicts.json"
    plans = task.plan(workspace, quick_params(pictures))
    known = json.loads(plans[0].inputs[0])["subject_id"]
    strangers = {f"stranger_{number}": {"verdict": "drop"} for number in range(4)}
    verdicts.write_text(json.dumps({"version": 1, "verdicts": strangers}))
    assert task.plan(workspace, quick_params(pictures, f"align.verdicts={verdicts}")) == plans
    said = capsys.readouterr().out
    assert f"4 of the 4 verdicts in {verdicts} are of pictures that are not in this run" in said and "stranger_0, stranger_1, stranger_2, ..." in said
    verdicts.write_text(json.dumps({"version": 1, "verdicts": {known: {"verdict": "drop"}}}))
    task.plan(workspace, quick_params(pictures, f"align.verdicts={verdicts}"))
    assert "verdicts" not in capsys.readouterr().out


def test_speed_and_places_are_not_part_of_a_shard_and_thresholds_are(tmp_path: Path, pictures: Path) -> None:
    workspace = Workspace(tmp_path, "tiny")

    def names(*overrides: str) -> list[str]:
        return [plan.file_name for plan in task.plan(workspace, quick_params(pictures, *overrides))]

    same = ("align.batch=4", "align.timeout_s=9999", "align.mesh.url=http://127.0.0.1:1", "align.tuning.seeds=9", "align.composed.clutter=2")
    assert names(*same) == names()
    for other in ("align.filters.silhouette_iou=0.5", "align.mesh.server_model=another", "assets.memory_mb=999", "seed=4", "align.plan=turntable8"):
        assert not set(names(other)) & set(names())


def test_who_finds_poses_is_part_of_a_shard(tmp_path: Path, pictures: Path) -> None:
    workspace, program = Workspace(tmp_path, "tiny"), tmp_path / "run.py"

    def found(*overrides: str) -> tuple[str, str]:
        """Of a run: the name of its first shard, and the folder of its scenes."""
        params = quick_params(pictures, "align.pose.kind=foundation_pose", *overrides)
        plan = task.plan(workspace, params)[0]
        return plan.file_name, task.jobs_of(workspace, params, plan)[0].setup.scenes

    program.write_text("first")
    runs = [found(), found(f"align.pose.command=[python, {program}, '{{scene}}']"), found("align.pose.environment=CUDA 13")]
    program.write_text("second")
    runs.append(found(f"align.pose.command=[python, {program}, '{{scene}}']"))
    assert len({name for name, _ in runs}) == len({scenes for _, scenes in runs}) == 4
    assert found("align.pose.timeout_s=9") == runs[0]


def test_a_mesh_server_that_is_not_there_stops_the_stage(tmp_path: Path, pictures: Path) -> None:
    workspace = Workspace(tmp_path, "tiny")
    params = quick_params(pictures, "align.mesh.url=http://127.0.0.1:9", "align.mesh.attempts=1")
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:9.*api_server\.py"):
        build(workspace, params)
    assert not list(workspace.folder("align").glob("rows/*"))


def test_missing_weights_are_named_before_anything_starts(tmp_path: Path, pictures: Path) -> None:
    params = quick_params(pictures, "align.detector.kind=grounding_dino")
    with pytest.raises(ValueError, match=r"align\.detector\.weights is empty: get groundingdino_swint_ogc\.pth \(694 MB"):
        task.plan(Workspace(tmp_path, "tiny"), params)


class FailingPool:
    """Fails whole batches, and alone the picture of that name."""

    def __init__(self, poison: str) -> None:
        self.poison, self.times = poison, list[float]()

    def map(self, work, items, timeout_s: float) -> Iterator[Outcome]:
        self.times.append(timeout_s)
        for item_id, job in items:
            bad = any(line.subject_id == self.poison for line in job.lines)
            failure = Failure("worker_died", "its worker process died") if bad else None
            yield Outcome(item_id, None if bad else work(job), failure, 0.0)


def test_a_picture_that_kills_its_worker_takes_no_other_along(tmp_path: Path, pictures: Path) -> None:
    workspace, params = Workspace(tmp_path, "tiny"), quick_params(pictures, "align.batch=3")
    plan = next(plan for plan in task.plan(workspace, params) if len(plan.inputs) == 3)
    poison = json.loads(plan.inputs[1])["subject_id"]
    jobs = task.jobs_of(workspace, params, plan)
    work_item.open_models = quick_models  # type: ignore[assignment]
    pool = FailingPool(poison)
    found = list(aligned(jobs, pool, params.align.batch_timeout_s))  # type: ignore[arg-type]
    alone = quick_params(pictures, "align.batch=1").align.batch_timeout_s
    assert pool.times == [params.align.batch_timeout_s, alone] and alone < params.align.batch_timeout_s
    assert [one.subject_id for one in found] == [json.loads(text)["subject_id"] for text in plan.inputs]
    assert [one.sample is None for one in found] == [False, True, False]
    assert found[1].decisions[0].rule == "worker_died"


def test_a_further_folder_joins_the_source_and_may_be_missing(tmp_path: Path, pictures: Path) -> None:
    workspace = write_assets(tmp_path, {"robot_42": (build_object("robot", 42).smooth, None)}, "test")
    overrides = ["align.count=2", "align.shard_items=9", f"align.further_folder={pictures}"]
    lines = [json.loads(text) for plan in task.plan(workspace, load_params("tiny", overrides)) for text in plan.inputs]
    assert sorted(line["source"] for line in lines) == ["composed", "composed", "folder", "folder"]
    missing = load_params("tiny", ["align.count=2", "align.further_folder=nowhere"])
    assert sum(len(plan.inputs) for plan in task.plan(workspace, missing)) == 2
