"""Whole diffusers pipelines as bases: read, sampled like diffusers does, saved again, and what is wrong is named."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DiffusionPipeline, FluxPipeline

from models.diffusion.ddpm import Ddpm
from models.diffusion.flow_matching import RectifiedFlow, TokenShift
from models.diffusion.guidance import guide
from models.diffusion.pipeline_folder import load_schedule
from models.diffusion.sampler import ddim_sample
from models.diffusion.text_to_image import TextToImage, load_text_to_image, save_text_to_image
from tests.models.diffusion.tiny_pipelines import KINDS, save_pipeline

STEPS = 4
CAPTION = "a red cup"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_pipeline("pixart", tmp_path / "pixart")
    return tmp_path / "pixart"


def sampled(model: TextToImage, noise: torch.Tensor, guidance: float) -> torch.Tensor:
    prompts, null = model.read([CAPTION]), model.read([""])

    def predict(noisy: torch.Tensor, t: float) -> torch.Tensor:
        return guide(lambda x, text: model.backbone(x, torch.full((len(x),), t), text), noisy, prompts, null, guidance)

    return ddim_sample(predict, noise, STEPS, model.schedule)


@torch.no_grad()
def test_samples_are_those_of_pixarts_pipeline(tmp_path: Path) -> None:
    scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear", timestep_spacing="trailing", clip_sample=False)
    pipeline: Any = save_pipeline("pixart", tmp_path / "base", scheduler=scheduler)
    noise = torch.randn(1, 4, 8, 8)
    size = {"height": 16, "width": 16, "use_resolution_binning": False, "output_type": "latent", "return_dict": False}
    theirs = pipeline(CAPTION, num_inference_steps=STEPS, guidance_scale=3.0, latents=noise, **size)[0]
    torch.testing.assert_close(sampled(load_text_to_image(tmp_path / "base"), noise, 3.0), theirs, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_samples_are_those_of_sd3s_pipeline(tmp_path: Path) -> None:
    pipeline: Any = save_pipeline("sd3", tmp_path / "base")
    noise, sigmas = torch.randn(1, 4, 8, 8), torch.linspace(1, 1 / STEPS, STEPS).tolist()
    size = {"height": 16, "width": 16, "output_type": "latent", "return_dict": False}
    theirs = pipeline(CAPTION, sigmas=sigmas, num_inference_steps=STEPS, guidance_scale=3.0, latents=noise, **size)[0]
    torch.testing.assert_close(sampled(load_text_to_image(tmp_path / "base"), noise, 3.0), theirs, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_samples_are_those_of_fluxs_pipeline(tmp_path: Path) -> None:
    """Told the guidance scale 1, as the backbone tells it; the null prompt is a second pass of the pipeline too."""
    pipeline: Any = save_pipeline("flux", tmp_path / "base")
    noise = torch.randn(1, 4, 16, 16)
    size = {"height": 32, "width": 32, "output_type": "latent", "return_dict": False}
    packed = FluxPipeline._pack_latents(noise, 1, 4, 16, 16)
    scales = {"guidance_scale": 1.0, "true_cfg_scale": 3.0, "negative_prompt": ""}
    theirs = FluxPipeline._unpack_latents(pipeline(CAPTION, num_inference_steps=STEPS, latents=packed, **scales, **size)[0], 32, 32, 2)
    torch.testing.assert_close(sampled(load_text_to_image(tmp_path / "base"), noise, 3.0), theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_is_exact_and_a_pipeline_again(kind: str, tmp_path: Path) -> None:
    save_pipeline(kind, tmp_path / "base")
    model = load_text_to_image(tmp_path / "base")
    with torch.no_grad():
        model.backbone.transformer.proj_out.weight.add_(1.0)
    for name, source in (("first", model), ("second", load_text_to_image(tmp_path / "base"))):
        save_text_to_image(source, tmp_path / name, note=name)
    again = load_text_to_image(tmp_path / "first")
    weights, loaded = model.state_dict(), again.state_dict()
    assert weights.keys() == loaded.keys() and all(torch.equal(weights[name], loaded[name]) for name in weights)
    assert again.schedule == model.schedule and torch.equal(again.read([CAPTION]).tokens, model.read([CAPTION]).tokens)
    assert json.loads((tmp_path / "first" / "config.json").read_text())["note"] == "first"
    theirs: Any = DiffusionPipeline.from_pretrained(tmp_path / "first")
    assert torch.equal(theirs.transformer.proj_out.weight, model.backbone.transformer.proj_out.weight)
    save_text_to_image(again, tmp_path / "third", note="first")
    for path in (tmp_path / "first").rglob("*.*"):
        assert (tmp_path / "third" / path.relative_to(tmp_path / "first")).read_bytes() == path.read_bytes(), path.name


def test_frozen_parts_take_no_second_space_and_their_source_stays(folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    save_text_to_image(load_text_to_image(folder), tmp_path / "saved")
    encoder = "text_encoder/model.safetensors"
    assert (tmp_path / "saved" / encoder).samefile(folder / encoder)
    assert not (tmp_path / "saved" / "transformer" / "config.json").samefile(folder / "transformer" / "config.json")
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_a_transformer_of_the_first_release_loads(folder: Path) -> None:
    path = folder / "transformer" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "_class_name": "Transformer2DModel", "num_vector_embeds": None}))
    assert load_text_to_image(folder).backbone.blocks == 5


def test_schedules_are_those_of_the_scheduler(folder: Path, tmp_path: Path) -> None:
    for kind in ("sd3", "flux"):
        save_pipeline(kind, tmp_path / kind)
    assert load_schedule(folder) == Ddpm("noise")
    assert load_schedule(tmp_path / "sd3") == RectifiedFlow(3.0)
    assert load_schedule(tmp_path / "flux") == RectifiedFlow(by_tokens=TokenShift())
    path = folder / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"prediction_type": "v_prediction", "beta_start": 0.00085, "beta_schedule": "scaled_linear"}))
    assert load_schedule(folder) == Ddpm("velocity", 0.00085, 0.02, "scaled_linear")
    for wrong in ({"prediction_type": "sample"}, {"rescale_betas_zero_snr": True}, {"num_train_timesteps": 100}):
        path.write_text(json.dumps(config | wrong))
        with pytest.raises(ValueError, match=r"scheduler_config\.json"):
            load_schedule(folder)


def test_wrong_folders_are_named(folder: Path, tmp_path: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())

    def refused(match: str, **changed: Any) -> None:
        (folder / "model_index.json").write_text(json.dumps({name: value for name, value in (index | changed).items() if value is not None}))
        with pytest.raises(ValueError, match=match):
            load_text_to_image(folder)

    refused("'SanaPipeline' cannot be a base", _class_name="SanaPipeline")
    refused("names no 'tokenizer'", tokenizer=None)
    refused("GemmaModel is not a text encoder", text_encoder=["transformers", "GemmaModel"])
    weights = folder / "text_encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    refused("text_encoder does not hold a T5EncoderModel")
    weights.rename(weights.with_name("pytorch_model.bin"))
    refused("text_encoder does not hold a T5EncoderModel")


def test_parts_must_fit(tmp_path: Path) -> None:
    save_pipeline("flux", tmp_path / "flux")
    save_pipeline("sd3", tmp_path / "sd3")
    flux, sd3 = load_text_to_image(tmp_path / "flux"), load_text_to_image(tmp_path / "sd3")
    with pytest.raises(ValueError, match="pooled text has 16 channels, the transformer takes 12"):
        TextToImage(flux.vae, sd3.prompts, flux.backbone.transformer, flux.schedule)
    with pytest.raises(ValueError, match="a AutoencoderKL cannot be the backbone"):
        TextToImage(flux.vae, sd3.prompts, flux.vae, flux.schedule)


@pytest.mark.parametrize("kind", KINDS)
def test_text_encoders_are_read_when_the_first_text_is(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save_pipeline(kind, tmp_path / kind)
    eager, lazy = load_text_to_image(tmp_path / kind), load_text_to_image(tmp_path / kind, lazy_text=True)
    ours, theirs = ({name.split(".")[0] for name, _ in model.named_parameters()} for model in (lazy, eager))
    assert ours == {"vae", "backbone"} and theirs > ours
    read = lazy.read([CAPTION])
    assert torch.equal(read.tokens, eager.read([CAPTION]).tokens)
    monkeypatch.setattr("models.diffusion.pipeline_folder.load_prompts", lambda folder: pytest.fail("read twice"))
    assert torch.equal(lazy.read([CAPTION]).tokens, read.tokens)
