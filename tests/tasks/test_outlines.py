"""Networks without weights: the sizes of released bases, and the same networks as with weights."""

from pathlib import Path

import pytest
import torch
from torch import nn

from data_specs.params import Params, load_params
from models.diffusion.text_to_image import save_text_to_image
from models.micro.vae_recipe import seeded
from models.registry import make_recipe
from tasks.artefacts import Workspace
from tasks.outlines import RELEASED, Outlines
from tests.models.realiz3d.fabricated import small_base


def outlines(tmp_path: Path, params: Params) -> Outlines:
    return Outlines(Workspace(tmp_path, params.size), params, tmp_path / "outlines")


def count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize("name", ["PixArt-Sigma-XL-2-512-MS", "PixArt-Sigma-XL-2-1024-MS"])
def test_pixart_sigma_has_its_published_size(tmp_path: Path, name: str) -> None:
    """0.6 billion weights in the transformer (610.86 M: 28 blocks of width 1152), 83.7 M in SDXL's VAE, 4.76 billion in T5-XXL's encoder."""
    base = outlines(tmp_path, load_params("paper")).base(f"hub:PixArt-alpha/{name}")
    width, text = 1152, 4096
    linear = lambda given, made: given * made + made  # noqa: E731
    block = 2 * 4 * linear(width, width) + linear(width, 4 * width) + linear(4 * width, width) + 6 * width
    around = linear(4 * 2 * 2, width) + linear(text, width) + linear(width, width) + linear(256, width) + linear(width, width)
    modulation, output = linear(width, 6 * width), 2 * width + linear(width, 2 * 2 * 8)
    assert count(base.backbone) == 28 * block + around + modulation + output == 610_856_096
    assert count(base.vae) == 83_653_863
    assert count(base.prompts) == 4_762_310_656
    assert {weight.device.type for weight in base.parameters()} == {"meta"}


def test_every_released_outline_is_a_base(tmp_path: Path) -> None:
    made = outlines(tmp_path, load_params("paper"))
    for folder in (path for path in RELEASED.iterdir() if path.is_dir()):
        assert made.base(f"hub:owner/{folder.name}").layers


def test_a_chain_of_runs_is_what_it_is_with_weights(tmp_path: Path) -> None:
    """Stage 2 of the paper on a small base in a folder: the same weights by name and shape, the same of them train."""
    with seeded("base"):
        save_text_to_image(small_base().build(), tmp_path / "base")
    params = load_params("paper", [f"train.runs.realiz3d_warmup.parents.base=path:{tmp_path / 'base'}"])
    made, folder = outlines(tmp_path, params), tmp_path / "base"
    for name in params.train.sequence:
        run = params.train.runs[name]
        network = make_recipe(run.recipe, run.config).build(dict.fromkeys(run.parents, folder))
        folder = tmp_path / name
        folder.mkdir()
        make_recipe(run.recipe, run.config).save(network, folder)
        shapes = {key: (weight.shape, weight.requires_grad) for key, weight in network.named_parameters()}
        assert {key: (weight.shape, weight.requires_grad) for key, weight in made.network(name).named_parameters()} == shapes
    assert not list((tmp_path / "outlines").rglob("*.safetensors"))
    assert torch.get_default_device().type == "cpu"


def test_an_unknown_base_is_named(tmp_path: Path) -> None:
    params = load_params("paper", ["train.runs.realiz3d_warmup.parents.base=hub:someone/something"])
    with pytest.raises(ValueError, match=r"'hub:someone/something' is not known: known are PixArt-Sigma"):
        outlines(tmp_path, params).network("realiz3d_stage2")
