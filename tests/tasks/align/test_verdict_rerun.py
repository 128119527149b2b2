"""What people say of pictures changes those pictures in the next run, and no other."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_specs.asset import Mesh
from data_specs.decision import Decision
from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.perception.base import Arrived, GeneratedMesh, Miss, Picture, unnoticed
from tasks.align import work_item
from tasks.align.reviewed import reviewed
from tasks.artefacts import Workspace
from tasks.sample_lookup import SampleLookup
from tasks.shard_io import read_shard
from tests.browser import open_browser, wait_for
from tests.tasks.align.quick_models import BOX, Quick, build_everything, quick_params, write_pictures

COUNT = 9


@pytest.fixture(autouse=True)
def real_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `build_everything` puts in place of the models is undone after each test."""
    monkeypatch.setattr(work_item, "open_models", work_item.open_models)


class Runs:
    """Runs of the stage on nine pictures, of which the darker ones look unlike their mesh and are dropped."""

    def __init__(self, root: Path) -> None:
        self.root, self.pictures = root, write_pictures(root / "pictures", COUNT)
        self.folder = Workspace(root, "tiny").folder("align")
        self.run("align.filters.micro_distance=9")
        scores = sorted(one.score for one in self.decisions() if one.rule == "micro_distance" and one.score is not None)
        self.threshold = f"align.filters.micro_distance={(scores[5] + scores[6]) / 2}"

    def run(self, *overrides: str) -> None:
        build_everything(self.root, quick_params(self.pictures, *overrides))

    def decisions(self) -> list[Decision]:
        previews = SampleLookup(self.folder / "previews")
        stored = [previews.read(key, r"decisions\.json")["decisions.json"] for key in previews.rows]
        return [Decision.model_validate(one) for decisions in stored for one in decisions]

    def of_picture(self) -> dict[str, list[Decision]]:
        """Subject id -> its decisions."""
        found: dict[str, list[Decision]] = {}
        for one in self.decisions():
            found.setdefault(one.item_id, []).append(one)
        return found

    def samples(self) -> dict[str, dict[str, bytes]]:
        """Subject id -> members, of kept pictures."""
        lookup = SampleLookup(self.folder)
        return {sample.key: sample.members for row in lookup.manifest.shards for sample in read_shard(lookup.path(row))}

    def written(self) -> set[tuple[str, int]]:
        """Every shard's name, and when it was written."""
        return {(path.name, path.stat().st_mtime_ns) for path in (self.folder / "shards").iterdir()}


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    made = Runs(tmp_path)
    made.run(made.threshold)
    assert len(made.samples()) == 6
    return made


def changed_by(runs: Runs, verdicts: Path) -> tuple[set[str], int]:
    """Run again with a file of verdicts: the pictures whose decisions or sample have changed, and how many shards were written again."""
    decisions, samples, written = runs.of_picture(), runs.samples(), runs.written()
    runs.run(runs.threshold, f"align.verdicts={verdicts}")
    now, kept_now = runs.of_picture(), runs.samples()
    different = {key for key in now if now[key] != decisions.get(key) or kept_now.get(key) != samples.get(key)}
    return different, len(runs.written() - written)


def test_a_keep_and_a_drop_change_these_two_pictures_alone(runs: Runs, tmp_path: Path) -> None:
    before, samples = runs.of_picture(), runs.samples()
    kept, dropped = next(iter(samples)), next(key for key in before if key not in samples)
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps({"version": 1, "verdicts": {kept: {"verdict": "drop", "note": "blurred"}, dropped: {"verdict": "keep"}}}))
    different, rewritten = changed_by(runs, path)
    assert different == {kept, dropped} and 1 <= rewritten <= 2 < len(runs.written())
    assert dropped in runs.samples() and kept not in runs.samples() and len(runs.samples()) == 6
    after = runs.of_picture()
    overruled = next(one for one in after[dropped] if one.rule == "micro_distance")
    assert (overruled.verdict, overruled.message.endswith("kept by a human")) == ("kept", True)
    assert (after[kept][-1].rule, after[kept][-1].verdict, after[kept][-1].message) == ("human", "dropped", "dropped by a human: blurred")
    page = {one.subject_id: one for one in reviewed(runs.folder)}
    assert (page[kept].verdict, page[kept].rule, page[kept].missing, page[dropped].verdict) == ("dropped", "human", False, "kept")
    assert changed_by(runs, path) == (set(), 0), "the same file again changes nothing"
    path.write_text(json.dumps({"version": 1, "verdicts": {}}))
    assert changed_by(runs, path)[0] == {kept, dropped}
    assert runs.of_picture() == before and runs.samples() == samples, "taken back, and everything is as it was"


def test_a_keep_cannot_make_up_for_what_is_missing(runs: Runs, tmp_path: Path) -> None:
    picture = next(runs.pictures.glob("*.png"))
    picture.write_bytes(picture.read_bytes()[:100])
    runs.run(runs.threshold)
    (damaged,) = [one for one in reviewed(runs.folder) if one.rule == "damaged"]
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps({"version": 1, "verdicts": {damaged.subject_id: {"verdict": "keep"}}}))
    assert changed_by(runs, path)[0] == set()
    (still,) = [one for one in reviewed(runs.folder) if one.subject_id == damaged.subject_id]
    assert still == damaged and still.missing and still.preview_jpeg is None


@pytest.fixture
def asked(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> list[Picture]:
    """What is asked of a generator that from now on answers otherwise."""
    seen: list[Picture] = []

    def another(self: Quick, pictures: list[Picture], arrived: Arrived = unnoticed) -> list[GeneratedMesh]:
        seen.extend(pictures)
        faded = [replace(one, factor=one.factor * np.float32([0.9, 0.9, 0.9, 1.0])) for one in BOX.materials]
        made = [GeneratedMesh(write_glb(replace(BOX, materials=tuple(faded))), "another") for _ in pictures]
        for place, mesh in enumerate(made):
            arrived(place, mesh)
        return made

    monkeypatch.setattr(Quick, "generate", another)
    return seen


def test_what_comes_after_the_mesh_asks_for_none(runs: Runs, tmp_path: Path, asked: list[Picture]) -> None:
    samples = runs.samples()
    runs.run("align.filters.micro_distance=9")
    assert len(runs.samples()) == COUNT and samples.items() <= runs.samples().items()
    runs.run(runs.threshold)
    assert runs.samples() == samples
    runs.run(runs.threshold, "align.fov_degrees=46", "align.view_pixels=32", "align.pose.timeout_s=9")
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps({"version": 1, "verdicts": {next(iter(samples)): {"verdict": "drop"}}}))
    runs.run(runs.threshold, f"align.verdicts={path}")
    assert asked == []
    runs.run(runs.threshold, "align.mesh.seed=9")
    assert len(asked) == COUNT, "another generator, other meshes"


def test_a_verdict_prepares_no_mesh_of_a_published_sample_again(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[bytes] = []

    def counted(self: Quick, glb: bytes) -> Mesh | Miss:
        prepared.append(glb)
        return read_glb(glb)

    monkeypatch.setattr(Quick, "prepare", counted)
    before, samples = runs.of_picture(), runs.samples()
    first = next(iter(samples))
    shard = SampleLookup(runs.folder).rows[first]
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps({"version": 1, "verdicts": {first: {"verdict": "drop"}}}))
    assert changed_by(runs, path)[0] == {first}
    assert len(prepared) == len(shard.inputs) - len(shard.samples) < 3 and len(before) == COUNT, "those that were dropped before alone"


def test_without_the_cache_published_samples_keep_their_meshes(runs: Runs, asked: list[Picture]) -> None:
    samples = runs.samples()
    shutil.rmtree(runs.root / "runs")
    runs.run("align.filters.micro_distance=9")
    assert len(asked) == COUNT - len(samples), "those that were dropped before"
    assert len(runs.samples()) == COUNT and samples.items() <= runs.samples().items()


@pytest.mark.slow
def test_from_the_page_to_the_next_run(runs: Runs, tmp_path: Path) -> None:
    """A person opens the page, keeps the first dropped picture, drops the first kept one and saves; the next run honours the file."""
    with open_browser(tmp_path) as page:
        page.resize(1400, 900)
        judged = set()
        for shown, key in (("dropped", "k"), ("kept", "d")):
            page.open(runs.folder / "qa.html")
            page.choose("#verdict", shown)
            page.press("ArrowRight")
            judged.add(page.js("document.activeElement.dataset.id"))
            page.press(key)
        page.click("#save")
        wait_for((tmp_path / "verdicts.json").is_file, "the download")
        assert changed_by(runs, tmp_path / "verdicts.json")[0] == judged
        page.open(runs.folder / "qa.html")
        assert page.js("document.getElementById('judged').textContent") == "2 judged: 1 keep, 1 drop", "nothing is left to be saved"
        page.choose("#human", "against")
        assert page.js("document.getElementById('shown').textContent") == "0 of 9 shown"
        assert page.troubles == []
