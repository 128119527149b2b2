"""The stage `features`, and training on what it made: the same numbers as with pictures, nothing twice, nothing silently."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import T5EncoderModel

from data_specs.manifest import Manifest
from data_specs.params import ExecutionParams, Params, TrainRun, load_params
from models.diffusion.features import dropped, stored_latents, stored_prompts
from models.diffusion.pipeline_folder import LazyPrompts
from models.diffusion.samples import matched_tensors, view_tensors
from models.diffusion.text_to_image import TextToImage, load_text_to_image, save_text_to_image, save_vae
from models.micro.vae_recipe import seeded
from models.realiz3d.network import Realiz3D, Realiz3DConfig, save_model
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.features import task as stage
from tasks.ledger import Ledger, read_manifest
from tasks.sample_lookup import SampleLookup
from tasks.train.history import read_history
from tasks.train.job import make_job, run_named
from tasks.train.loop import train
from tasks.train.worker import Worker
from tests.models.diffusion.tiny_pipelines import save_pipeline
from tests.models.realiz3d.fabricated import SHAPE, small_base, stirred
from tests.tasks.fabricated import HOSTILE, TEST, TRAIN, make_data

ALONE = Worker(0, 1, torch.device("cpu"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    torch.set_num_threads(1)
    return make_data(tmp_path)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_base(tmp_path / "base", "base")


def save_base(folder: Path, seed: str) -> Path:
    with seeded(seed):
        save_text_to_image(small_base(latent_side=16).build(), folder)
    return folder


def params_for(base: Path | str, **features: Any) -> Params:
    params = load_params("tiny")
    return params.model_copy(update={"features": params.features.model_copy(update={"base": str(base), **features})})


def make_features(workspace: Workspace, params: Params) -> Manifest:
    plans = stage.plan(workspace, params)
    with Pool(ExecutionParams(backend="inline", workers=1)) as pool:
        for plan in Ledger(workspace.folder("features"), "features").pending(plans):
            stage.build.fn(workspace, params, plan, pool)
    return stage.publish(workspace, params, plans)


def sample(workspace: Workspace, word: str, key: str) -> dict[str, Any]:
    return {"__key__": key, **SampleLookup(workspace.folder(word)).read(key)}


def test_features_are_what_the_encoders_make_of_the_sample(workspace: Workspace, base: Path) -> None:
    manifest = make_features(workspace, params_for(base))
    model = load_text_to_image(base)
    assert sorted(key for row in manifest.shards for key in row.samples) == sorted(TRAIN + TEST)
    for key in (TRAIN[1], TEST[0]):
        made, render, matched = (sample(workspace, word, key) for word in ("features", "render", "matched_real"))
        for name in ("rgb", "normal", "position"):
            torch.testing.assert_close(stored_latents([made], "render", name)[0], model.encode(view_tensors(render, name)), atol=1e-6, rtol=0)
        torch.testing.assert_close(stored_latents([made], "matched_real", "rgb")[0], model.encode(matched_tensors(matched)), atol=1e-6, rtol=0)
        assert made["views.json"] == render["views.json"] and made["matched.json"] == matched["matched.json"]
        assert made["features.json"] == {"encoder": model.encoder_id, "precision": "fp32"}


def test_prompts_come_back_with_dropped_ones_as_null(workspace: Workspace, base: Path) -> None:
    make_features(workspace, params_for(base))
    model = load_text_to_image(base)
    captions, nulls = stored_prompts([sample(workspace, "features", key) for key in TRAIN[:3]]) or pytest.fail("no text")
    texts = [f"{HOSTILE} {TRAIN[0]}", "", f"{HOSTILE} {TRAIN[2]}"]
    ours, theirs = dropped(captions, nulls, texts), model.read(texts)
    length = ours.mask.shape[1]
    assert torch.equal(ours.mask, theirs.mask[:, :length]) and not theirs.mask[:, length:].any()
    assert torch.equal(ours.tokens, theirs.tokens[:, :length])


def test_half_precision_is_half_the_bytes(workspace: Workspace, base: Path) -> None:
    full = make_features(workspace, params_for(base))
    latents = stored_latents([sample(workspace, "features", TRAIN[0])], "render", "rgb")
    half = make_features(workspace, params_for(base, precision="fp16"))
    torch.testing.assert_close(stored_latents([sample(workspace, "features", TRAIN[0])], "render", "rgb"), latents, atol=2e-3, rtol=1e-3)
    assert {row.shard_id for row in full.shards}.isdisjoint(row.shard_id for row in half.shards)
    assert sum(row.bytes for row in half.shards) < 0.7 * sum(row.bytes for row in full.shards)


def test_nothing_is_made_twice_and_another_vae_makes_all_anew(workspace: Workspace, base: Path, tmp_path: Path) -> None:
    first = make_features(workspace, params_for(base))
    ledger = Ledger(workspace.folder("features"), "features")
    assert ledger.pending(stage.plan(workspace, params_for(base))) == []
    moved = tmp_path / "moved"
    save_text_to_image(load_text_to_image(base), moved)
    assert ledger.pending(stage.plan(workspace, params_for(moved))) == []
    assert ledger.pending(stage.plan(workspace, params_for("moved"))) == []
    other = params_for(save_base(tmp_path / "other", "other"))
    assert len(ledger.pending(stage.plan(workspace, other))) == len(first.shards)


def test_other_text_encoders_of_the_same_shape_make_all_anew(workspace: Workspace, tmp_path: Path) -> None:
    """T5 tuned to other words: the same files of the same sizes."""
    save_pipeline("pixart", tmp_path / "pixart")
    first = make_features(workspace, params_for("pixart"))
    ledger = Ledger(workspace.folder("features"), "features")
    assert ledger.pending(stage.plan(workspace, params_for("pixart"))) == []
    encoder = T5EncoderModel.from_pretrained(tmp_path / "pixart" / "text_encoder")
    before = sorted((path.name, path.stat().st_size) for path in (tmp_path / "pixart" / "text_encoder").iterdir())
    with torch.no_grad():
        encoder.shared.weight.mul_(-1.0)
    encoder.save_pretrained(tmp_path / "pixart" / "text_encoder")
    assert sorted((path.name, path.stat().st_size) for path in (tmp_path / "pixart" / "text_encoder").iterdir()) == before
    assert len(ledger.pending(stage.plan(workspace, params_for("pixart")))) == len(first.shards)


def test_the_text_of_the_micro_base_is_named_by_its_config(workspace: Workspace) -> None:
    """As it always was: another name would make features anew that are the same."""
    assert stage.plan(workspace, params_for("micro:base"))[0].params["text"] == '{"channels":64,"kind":"hashed_words","length":24}'


def test_no_base_makes_an_empty_data_set(workspace: Workspace) -> None:
    assert make_features(workspace, params_for("")).shards == []
    with pytest.raises(ValueError, match=r"features\.base.*atelier3d features"):
        make_job(workspace, trained(params_for(""), "realiz3d_stage1", {"inputs": "features"}), "run")


def test_a_run_that_is_not_trained_is_said_so(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match=r"'micro_base', which has no model yet.*train\.sequence=\[micro_vae, micro_base\]"):
        stage.plan(workspace, params_for("micro_base"))
    with pytest.raises(ValueError, match=r"no/such/folder holds no trained model"):
        stage.plan(workspace, params_for("no/such/folder"))


def test_a_vae_alone_has_no_text(workspace: Workspace, tmp_path: Path) -> None:
    with seeded("vae"):
        save_vae(small_base().vae.build(), tmp_path / "vae_run")
    make_features(workspace, params_for(tmp_path / "vae_run"))
    assert stored_prompts([sample(workspace, "features", TRAIN[0])]) is None


def trained(params: Params, recipe: str, config: dict[str, Any], parents: dict[str, str] | None = None) -> Params:
    """Parameters with one training run, `run`."""
    run = TrainRun(recipe=recipe, config={"picture_steps": 2, **config}, parents=parents or {}, steps=6, batch_size=4, learning_rate=1e-2)
    return params.model_copy(update={"train": params.train.model_copy(update={"sequence": ["run"], "runs": {"run": run}})})


def losses(workspace: Workspace, params: Params, parents: dict[str, Path]) -> list[float]:
    job = replace(make_job(workspace, params, "run"), parents=parents)
    train(job, ALONE)
    return [row["loss"] for row in read_history(job.history)]


@pytest.mark.parametrize(
    ("recipe", "role", "config"),
    [
        ("realiz3d_warmup", "base", {}),
        ("realiz3d_stage1", "base", {}),
        ("realiz3d_stage2", "shifted", {}),
        ("realiz3d_stage2", "shifted", {"control": "viewpoint"}),
    ],
)
def test_losses_are_those_with_pictures(workspace: Workspace, base: Path, recipe: str, role: str, config: dict[str, Any], tmp_path: Path) -> None:
    model = stirred(Realiz3D(load_text_to_image(base), Realiz3DConfig.model_validate(config)))
    save_model(model, tmp_path / "shifted")
    params = params_for(base)
    make_features(workspace, params)
    parents = {role: base if role == "base" else tmp_path / "shifted"}
    cached = losses(workspace, trained(params, recipe, config), parents)
    encoded = losses(workspace, trained(params, recipe, {**config, "inputs": "pictures"}), parents)
    assert len(cached) == 6
    torch.testing.assert_close(torch.tensor(cached), torch.tensor(encoded), atol=1e-5, rtol=0)


def test_nothing_is_encoded_in_the_step(workspace: Workspace, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = params_for(base)
    make_features(workspace, params)
    monkeypatch.setattr("tasks.train.loop.draw", lambda *_: np.zeros((2, 2, 3), np.uint8))
    monkeypatch.setattr(TextToImage, "encode", lambda *_: pytest.fail("encoded in the step"))
    monkeypatch.setattr(TextToImage, "read", lambda *_: pytest.fail("read in the step"))
    assert len(losses(workspace, trained(params, "realiz3d_stage1", {}), {"base": base})) == 6


def test_features_of_another_vae_or_of_other_samples_are_refused(workspace: Workspace, base: Path, tmp_path: Path) -> None:
    params = trained(params_for(base), "realiz3d_stage1", {})
    make_features(workspace, params)
    with pytest.raises(ValueError, match="made by the VAE"):
        losses(workspace, params, {"base": save_base(tmp_path / "other", "other")})
    shards = workspace.folder("shards") / "manifest.json"
    manifest = read_manifest(shards.parent)
    shards.write_text(manifest.model_copy(update={"version": 99}).model_dump_json())
    with pytest.raises(ValueError, match="holds nothing of these samples"):
        make_job(workspace, params, "run")


def test_runs_read_features_unless_they_say_otherwise() -> None:
    params = load_params("tiny", ["features.base=micro_base", "train.runs.realiz3d_stage2.config.inputs=pictures"])
    inputs = {name: run_named(params, name).config.get("inputs") for name in params.train.sequence}
    assert inputs == {"micro_vae": None, "micro_base": None, "realiz3d_stage1": "features", "realiz3d_stage2": "pictures"}
    assert all("inputs" not in run_named(load_params("tiny"), name).config for name in params.train.sequence)


def test_the_micro_base_trains_on_white_latents_of_its_vae(workspace: Workspace, tmp_path: Path) -> None:
    with seeded("vae"):
        save_vae(small_base().vae.build(), tmp_path / "vae_run")
    params, parents = params_for(tmp_path / "vae_run"), {"vae": tmp_path / "vae_run"}
    make_features(workspace, params)
    config = {"shape": {**SHAPE["transformer"], "latent_side": 16}, "backdrops": False}
    cached = losses(workspace, trained(params, "micro_base", config), parents)
    encoded = losses(workspace, trained(params, "micro_base", {**config, "inputs": "pictures"}), parents)
    torch.testing.assert_close(torch.tensor(cached), torch.tensor(encoded), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="backdrops: false, or inputs: pictures"):
        make_job(workspace, trained(params, "micro_base", {}), "run")


@pytest.mark.parametrize("kind", ["pixart", "flux"])
def test_text_of_a_pipeline_is_stored_and_its_encoders_are_not_read_again(
    workspace: Workspace, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T5 alone, and T5 with CLIP's pooled vector: the losses are those of texts encoded in the step."""
    save_pipeline(kind, tmp_path / kind)
    params = params_for(tmp_path / kind)
    make_features(workspace, params)
    captions, _ = stored_prompts([sample(workspace, "features", TRAIN[0])]) or pytest.fail("no text")
    assert (captions.pooled is None) == (kind == "pixart")
    monkeypatch.setattr("tasks.train.loop.draw", lambda *_: np.zeros((2, 2, 3), np.uint8))  # FLUX draws a megapixel
    encoded = losses(workspace, trained(params, "realiz3d_stage1", {"inputs": "pictures"}), {"base": tmp_path / kind})
    monkeypatch.setattr(LazyPrompts, "encoder", property(lambda self: pytest.fail("text encoders were read")))
    cached = losses(workspace, trained(params, "realiz3d_stage1", {}), {"base": tmp_path / kind})
    torch.testing.assert_close(torch.tensor(cached), torch.tensor(encoded), atol=1e-5, rtol=0)
