"""Pictures by a base model: prompts, noise, screening and redrawing, on a small random base and on hand-made pictures."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data_specs.ids import seed_from
from data_specs.matched_real import VIEW_WORDS, MatchedRealRecord
from data_specs.params import Params, load_params
from data_specs.shard import ShardRow
from models.diffusion.picture_sampling import sample_pictures
from models.diffusion.text_to_image import load_text_to_image, save_text_to_image
from models.image_codec import decode_member
from models.micro.vae_recipe import seeded
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.matched_real import base_pictures, task
from tasks.matched_real.base import find_base
from tasks.shard_io import read_shard
from tasks.weights import Weights
from tests.models.realiz3d.fabricated import SIDE, small_base
from tests.models.renderers.shapes import cube
from tests.tasks.asset_folder import write_assets
from tests.tasks.matched_real.test_screening import picture

GOOD, TWO, GREY, EMPTY = picture((0.5, 0.5, 0.3)), picture((0.2, 0.5, 0.15), (0.8, 0.5, 0.15)), picture((0.5, 0.5, 0.3), background=128), picture()
ANYTHING = ["base.screening={white_border: 0, object_share: 1.0e-9, white_level: 255}"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    with seeded("base"):
        save_text_to_image(small_base().build(), folder)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    base_pictures._model.cache_clear()
    yield write_assets(tmp_path, {"cup": (cube(), None), "jug": (cube(), None)})


def settings(base: Path, *overrides: str, size: int = 64) -> Params:
    ours = ["source=base_model", f"base.model=path:{base}", "base.steps=2", "redraws=2", f"size_pixels={size}", *overrides]
    return load_params("tiny", [f"matched_real.{one}" for one in ours])


def run(workspace: Workspace, params: Params) -> tuple[ShardRow, dict[str, dict[str, bytes]]]:
    (plan,) = task.plan(workspace, params)
    with Pool(params.execution) as pool:
        row = task.build.fn(workspace, params, plan, pool)
    task.publish(workspace, params, [plan])
    return row, {sample.key: sample.members for sample in read_shard(workspace.folder("matched_real") / row.file)}


class Painter:
    """In the place of the network: gives the pictures of a list and notes what it was asked."""

    def __init__(self, batches: list[list[np.ndarray]]) -> None:
        self.batches, self.prompts, self.noise = batches, list[list[str]](), list[float]()

    def __call__(self, model: object, prompts: list[str], steps: int, guidance: float, streams: list[np.random.Generator]) -> np.ndarray:
        assert (steps, guidance) == (2, 4.5)
        self.prompts.append(prompts)
        self.noise += [stream.standard_normal() for stream in streams]
        return np.stack(self.batches[len(self.prompts) - 1])


def test_refused_pictures_are_drawn_again_and_the_rest_is_kept(workspace: Workspace, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter([[GOOD, TWO, EMPTY, GOOD], [GOOD, GREY], [GOOD], [GOOD] * 4])
    monkeypatch.setattr(base_pictures, "sample_pictures", painter)
    row, samples = run(workspace, settings(base))
    phrase = "view, highly photorealistic and detailed, white background"
    assert painter.prompts[0] == [f"a cup, {word} {phrase}" for word in ("front", "right side", "back", "left side")]
    assert painter.prompts[1] == [f"a cup, {word} {phrase}" for word in ("right side", "back")] and painter.prompts[2] == [f"a cup, back {phrase}"]
    assert len(set(painter.noise)) == 11, "every view word, try and asset has noise of its own"
    assert [(d.item_id, d.verdict, d.rule, d.score, d.threshold) for d in row.decisions] == [
        ("cup", "kept", "several_objects", 2.0, 1.0),
        ("cup", "kept", "no_object", 0.0, 0.01),
        ("cup", "kept", "background_not_white", 0.0, 0.95),
    ]
    assert row.decisions[0].message == "picture 1 (right side), try 1 of 3: it shows 2 objects"
    assert list(samples) == ["cup", "jug"]
    record = MatchedRealRecord.model_validate_json(samples["cup"]["matched.json"])
    assert record.caption == "a cup" and record.source == "base_model" and record.prompts == painter.prompts[0]
    assert record.base_sha256 == find_base(workspace, settings(base)).digest
    for place in range(4):
        found = decode_member(record.members[place], samples["cup"][record.members[place]])
        assert (found[..., :3] == GOOD).all() and (found[..., 3] == 255).all()


def test_a_caption_without_four_good_pictures_is_dropped_with_its_reason(workspace: Workspace, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_pictures, "sample_pictures", Painter([[GOOD, GOOD, GOOD, TWO], [TWO], [GREY], [GOOD] * 4]))
    row, samples = run(workspace, settings(base))
    assert list(samples) == ["jug"] and len(row.decisions) == 1
    (dropped,) = row.decisions
    assert (dropped.item_id, dropped.verdict, dropped.rule, dropped.score) == ("cup", "dropped", "background_not_white", 0.0)
    assert dropped.message == "picture 3 (left side), try 3 of 3: 0.0% of its border is white"


def test_a_random_base_is_sampled_with_the_streams_of_each_caption_and_loaded_once(
    workspace: Workspace, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Path] = []
    monkeypatch.setattr(base_pictures, "load_text_to_image", lambda folder: loads.append(folder) or load_text_to_image(folder))
    params = settings(base, *ANYTHING, size=SIDE)
    row, samples = run(workspace, params)
    assert list(samples) == ["cup", "jug"] and row.decisions == [] and loads == [base]
    streams = [np.random.default_rng(seed_from(params.seed, "matched_real", "jug", word, 0)) for word in VIEW_WORDS]
    prompts = MatchedRealRecord.model_validate_json(samples["jug"]["matched.json"]).prompts
    expected = sample_pictures(load_text_to_image(base).eval(), prompts, 2, 4.5, streams)
    for place, made in enumerate(expected):
        assert (decode_member("view.png", samples["jug"][f"view{place}.rgb.png"])[..., :3] == made).all()
    assert (expected[0] != expected[1]).any()


def test_pictures_are_brought_to_the_size_of_the_data_set(workspace: Workspace, base: Path) -> None:
    _, samples = run(workspace, settings(base, *ANYTHING, "base.precision=bf16", size=SIDE // 2))
    assert decode_member("view.png", samples["cup"]["view0.rgb.png"]).shape == (SIDE // 2, SIDE // 2, 4)


def test_what_a_random_base_makes_is_refused(workspace: Workspace, base: Path) -> None:
    row, samples = run(workspace, settings(base, size=SIDE))
    assert samples == {} and {d.item_id: (d.verdict, d.rule) for d in row.decisions} == dict.fromkeys(
        ["cup", "jug"], ("dropped", "background_not_white")
    )


def test_the_shard_is_named_by_the_weights_and_not_by_where_they_lie(workspace: Workspace, base: Path, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy", tmp_path / "other"
    save_text_to_image(load_text_to_image(base), copy)
    with seeded("other"):
        save_text_to_image(small_base().build(), other)
    names = [task.plan(workspace, settings(folder))[0].shard_id for folder in (base, copy, other)]
    assert names[0] == names[1] != names[2]
    (plan,) = task.plan(workspace, settings(base))
    with Pool(settings(base).execution) as pool, pytest.raises(ValueError, match="has changed since it was planned"):
        task.build.fn(workspace, settings(other), plan, pool)
    assert Ledger(workspace.folder("matched_real"), "matched_real").row(plan) is None


def test_settings_of_the_other_source_do_not_name_a_shard(workspace: Workspace, base: Path) -> None:
    rendered = [load_params("tiny", [f"matched_real.{one}"]) for one in ("base.steps=2", "base.steps=3", "ambient_rays=5")]
    names = [task.plan(workspace, params)[0].shard_id for params in rendered]
    assert names[0] == names[1] != names[2]
    made = [settings(base, one) for one in ("ambient_rays=4", "ambient_rays=5", "base.guidance=2")]
    names = [task.plan(workspace, params)[0].shard_id for params in made]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("micro_base", "train 'micro_base' first"),
        ("path:vae", "no text-to-image model"),
        ("vae", "no text-to-image model"),
        ("gone", "train 'gone' first"),
        ("ftp:x", "no reference"),
    ],
)
def test_a_base_that_is_not_there(workspace: Workspace, base: Path, model: str, message: str) -> None:
    shutil.copytree(base / "vae", workspace.root / "vae")
    with pytest.raises(ValueError, match=message):
        task.plan(workspace, load_params("tiny", ["matched_real.source=base_model", f"matched_real.base.model={model}"]))


def test_a_run_of_the_workspace_is_a_base(workspace: Workspace, base: Path) -> None:
    folder = workspace.folder("train") / "micro_base"
    save_text_to_image(load_text_to_image(base), folder / "model")
    (folder / "run.json").write_text(json.dumps({"weights_sha256": "of the record"}))
    params = load_params("tiny", ["matched_real.source=base_model", "matched_real.base.model=micro_base"])
    assert find_base(workspace, params) == Weights(folder / "model", "of the record")
