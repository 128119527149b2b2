"""A base model as a folder: what is saved comes back bit for bit, what is wrong is named."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, PixArtTransformer2DModel

from models.diffusion.ddpm import Ddpm
from models.diffusion.text_to_image import TextToImage, load_text_to_image, save_text_to_image
from models.micro.vae_recipe import seeded
from tests.models.realiz3d.fabricated import small_base


@pytest.fixture
def saved(tmp_path: Path) -> tuple[TextToImage, Path]:
    with seeded("saved"):
        model = small_base().build()
    model.vae.register_to_config(latents_mean=[0.1, 0.2, 0.3, 0.4], latents_std=[1.0, 2.0, 3.0, 4.0])
    save_text_to_image(model, tmp_path / "model")
    return model, tmp_path / "model"


def test_round_trip_is_exact(saved: tuple[TextToImage, Path]) -> None:
    model, folder = saved
    again = load_text_to_image(folder)
    weights, loaded = model.state_dict(), again.state_dict()
    assert weights.keys() == loaded.keys() and all(torch.equal(weights[name], loaded[name]) for name in weights)
    pixels = torch.rand(1, 3, 16, 16)
    assert torch.equal(model.eval().encode(pixels), again.encode(pixels))
    assert torch.equal(model.read(["a cup"]).tokens, again.read(["a cup"]).tokens)
    assert again.prediction == model.prediction == "velocity"


def test_diffusers_reads_the_parts(saved: tuple[TextToImage, Path]) -> None:
    _, folder = saved
    assert AutoencoderKL.from_pretrained(folder / "vae").config.latents_std == [1.0, 2.0, 3.0, 4.0]
    assert PixArtTransformer2DModel.from_pretrained(folder / "transformer").config.num_layers == 5


def test_saved_files_are_the_same_wherever_they_are_written(saved: tuple[TextToImage, Path], tmp_path: Path) -> None:
    _, folder = saved
    save_text_to_image(load_text_to_image(folder), tmp_path / "again")
    for path in folder.rglob("*.*"):
        assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


def test_the_vae_is_frozen(saved: tuple[TextToImage, Path]) -> None:
    assert not any(weight.requires_grad for weight in saved[0].vae.parameters())


def test_wrong_folders_are_named(saved: tuple[TextToImage, Path], tmp_path: Path) -> None:
    _, folder = saved
    with pytest.raises(ValueError, match="nowhere"):
        load_text_to_image(tmp_path / "nowhere")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ValueError, match="transformer"):
        load_text_to_image(folder)
    (folder / "config.json").write_text(json.dumps({**json.loads((folder / "config.json").read_text()), "prediction": "flow"}))
    with pytest.raises(ValueError, match="'flow'"):
        load_text_to_image(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match="not a model folder"):
        load_text_to_image(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format: Input should be 1 (got 2)"),
        ({"prediction": "colour"}, "prediction: Input should be 'noise', 'velocity' or 'flow' (got 'colour')"),
        ({"prompts": {"kind": "t5"}}, "prompts: Input tag 't5'"),
        ({"prompts": {"kind": "pipeline"}}, "model_index.json is not there"),
        ({"prompts": {"kind": "hashed_words", "length": 6}}, "prompts.hashed_words.channels: Field required"),
        ({"prompts": {"kind": "hashed_words", "channels": 8, "length": 10**12}}, "prompts.hashed_words.length: Input should be less than"),
        ({"prompts": {"kind": "hashed_words", "channels": 10**12, "length": 6}}, "prompts.hashed_words.channels: Input should be less than"),
    ],
)
def test_a_wrong_config_is_named(saved: tuple[TextToImage, Path], change: dict[str, Any], message: str) -> None:
    path = saved[1] / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=f"(?s){re.escape(str(path))}.*{re.escape(message)}"):
        load_text_to_image(saved[1])


def test_parts_must_fit() -> None:
    shape = small_base()
    model = shape.build()
    with pytest.raises(ValueError, match="latent channels"):
        TextToImage(model.vae, model.prompts, shape.transformer.build(3), Ddpm())
    with pytest.raises(ValueError, match="text tokens"):
        TextToImage(model.vae, model.prompts, small_base(text_channels=12).transformer.build(4), Ddpm())
