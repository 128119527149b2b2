"""The pipeline: folders and adapters there and back, the same views as the sampler makes of a data set's sample."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.geometry.camera_math import direction_at, view_plan
from models.realiz3d.conditioning import control_from_views
from models.realiz3d.pipeline import Realiz3DPipeline, mesh_control, viewpoint_control
from models.realiz3d.sampling import SamplingSettings, sample_views
from models.realiz3d.shifter import DomainShifters
from models.realiz3d.shifter_file import save_shifters
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tests.models.realiz3d.fabricated import SIDE, render_sample, small_model, stirred
from tests.models.renderers.shapes import cube

QUICK = SamplingSettings(steps=2)
CONTROL = control_from_views(render_sample("cup"))


def test_views_are_those_of_the_sampler() -> None:
    model, steps = stirred(small_model()), []
    made = Realiz3DPipeline(model).views("a cup", CONTROL, QUICK, seed=3, done=lambda: steps.append(1))
    np.testing.assert_array_equal(made, sample_views(model, CONTROL[None], ["a cup"], QUICK, np.random.default_rng(3))[0])
    assert made.shape == (4, SIDE, SIDE, 3) and len(steps) == 2


def test_realism_of_zero_is_the_synthetic_domain_everywhere() -> None:
    model = stirred(small_model())
    made = Realiz3DPipeline(model).views("a cup", CONTROL, QUICK, real=0.0)
    everywhere = SamplingSettings(steps=2, layer_share=1.0, time_threshold=0)
    np.testing.assert_array_equal(made, sample_views(model, CONTROL[None], ["a cup"], everywhere, np.random.default_rng(0))[0])


def test_a_saved_model_comes_back(tmp_path: Path) -> None:
    pipeline = Realiz3DPipeline(stirred(small_model()))
    pipeline.save_pretrained(tmp_path / "model")
    again = Realiz3DPipeline.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(again.views("a cup", CONTROL, QUICK), pipeline.views("a cup", CONTROL, QUICK))


def test_an_adapter_makes_its_base_the_model_it_came_from(tmp_path: Path) -> None:
    base, trained = small_model(), small_model()
    with torch.no_grad():
        torch.nn.init.normal_(trained.shifters.left_NDR)
    Realiz3DPipeline(trained).save_adapter(tmp_path / "adapter.safetensors")
    pipeline = Realiz3DPipeline(base)
    pipeline.load_adapter(tmp_path / "adapter.safetensors")
    np.testing.assert_array_equal(pipeline.views("a cup", CONTROL, QUICK), Realiz3DPipeline(trained).views("a cup", CONTROL, QUICK))
    assert (tmp_path / "adapter.safetensors").stat().st_size < 30_000


def test_an_adapter_brings_its_domains_and_rank(tmp_path: Path) -> None:
    save_shifters(small_model(domains=("synthetic", "real", "night"), rank=3).shifters, tmp_path / "a.safetensors")
    pipeline = Realiz3DPipeline(small_model())
    pipeline.load_adapter(tmp_path / "a.safetensors")
    pipeline.save_pretrained(tmp_path / "model")
    assert Realiz3DPipeline.from_pretrained(tmp_path / "model").model.config.domains == ("synthetic", "real", "night")


@pytest.mark.parametrize(
    ("shifters", "message"),
    [(DomainShifters(4, 32, ("synthetic", "real")), "shifts 4 blocks"), (DomainShifters(5, 32, ("day", "night")), "synthetic and real must be")],
)
def test_an_adapter_of_something_else_is_refused(tmp_path: Path, shifters: DomainShifters, message: str) -> None:
    save_shifters(shifters, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=message):
        Realiz3DPipeline(small_model()).load_adapter(tmp_path / "a.safetensors")


def test_a_baseline_has_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no Domain Shifters"):
        Realiz3DPipeline(small_model(domain_input="none")).save_adapter(tmp_path / "a.safetensors")


def test_sizes() -> None:
    texture, multiview = Realiz3DPipeline(small_model()), Realiz3DPipeline(small_model(control="viewpoint"))
    assert texture.check_size(0) == multiview.check_size(0) == SIDE and texture.check_size(32) == 32
    with pytest.raises(ValueError, match="a multiple of 4"):
        texture.check_size(30)
    with pytest.raises(ValueError, match=f"choose {SIDE}"):
        multiview.check_size(32)


def test_control_of_a_mesh_is_its_coded_maps() -> None:
    cameras = [camera for _, camera in view_plan("orthogonal4", SIDE, 0)]
    scene = Open3DRenderer().load(cube(0.5))
    maps = [Open3DRenderer().render(scene, camera, UniformLight(), 1) for camera in cameras]
    control = mesh_control(maps, cameras)
    assert control.shape == (4, 6, SIDE, SIDE)
    front = control[0, :, SIDE // 2, SIDE // 2].numpy()
    np.testing.assert_allclose(front[:3], [0, 0, 1], atol=0.01)
    np.testing.assert_allclose(front[5], 0.5, atol=1e-3)
    assert (control[:, :, 0, 0] == -1.0).all()


def test_control_of_a_text_is_four_directions() -> None:
    np.testing.assert_allclose(viewpoint_control(SIDE), [direction_at(azimuth) for azimuth in (0, 90, 180, 270)], atol=1e-6)
