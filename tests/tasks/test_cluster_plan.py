"""The plan for a cluster against arithmetic by hand on a network of one layer, and on a whole chain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import tasks.outlines
from data_specs.align_params import AlignParams
from data_specs.cluster import component_catalogue, gpu_catalogue, measured_rates, parse_cluster
from data_specs.params import Params, load_params
from models.diffusion.text_to_image import save_text_to_image
from models.micro.vae_recipe import seeded
from models.recipe import Batch, Source, StepRandom
from tasks.artefacts import Workspace
from tasks.cluster_plan import ClusterPlan, Estimate, plan_cluster
from tasks.cluster_table import cluster_table
from tests.fakes import train_params
from tests.models.realiz3d.fabricated import small_base

CLUSTER = parse_cluster("nodes=2,gpus=4,gpu=h100")
IN, OUT = 3 * 64 * 64, 10
PAPER = {
    "detector": "grounding_dino",
    "segmenter": "segment_anything",
    "background": "u2net",
    "mesh": "hunyuan3d",
    "depth": "depth_pro",
    "pose": "foundation_pose",
    "appearance": "lpips",
}


@dataclass(frozen=True)
class OneLayer:
    """A linear layer over the front view and over the first photograph."""

    sources: tuple[Source, ...] = (Source("render", 0.75, r"front\.rgb\.png"), Source("matched_real", 0.25, r"view0\.rgb\.png"))

    def build(self, parents: dict[str, Path]) -> nn.Module:
        return nn.Linear(IN, OUT)

    def collate(self, samples: dict[str, list[dict[str, Any]]], rng: StepRandom) -> Batch:
        pictures = [s["front.rgb.png"] for s in samples["render"]] + [s["view0.rgb.png"] for s in samples["matched_real"]]
        return {"pixels": torch.from_numpy(np.stack(pictures))[..., :3].flatten(1).float()}

    def loss(self, network: nn.Module, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        return network(batch["pixels"]).square().mean(), {}


def planned(tmp_path: Path, params: Params, name: str = "first") -> Estimate:
    return ClusterPlan(Workspace(tmp_path, params.size), params, CLUSTER, tmp_path / "outlines").train(name)


def one_layer(**settings: Any) -> Params:
    return train_params(**{"batch_size": 32, "steps": 1000, "ema_decay": 0.9, "precision": "bf16", **settings})


@pytest.fixture(autouse=True)
def the_recipe(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "chain" not in request.node.name:
        monkeypatch.setattr(tasks.outlines, "make_recipe", lambda name, config: OneLayer())


def test_a_layer_by_hand(tmp_path: Path) -> None:
    """Pictures of 64 pixels: IN numbers enter. Forward 2 IN OUT operations, the gradient of the weights as many."""
    params = one_layer()
    params = params.model_copy(update={name: getattr(params, name).model_copy(update={"size_pixels": 64}) for name in ("render", "matched_real")})
    made, weights = planned(tmp_path, params), 4 * (IN * OUT + OUT)
    operations = 1000 * 32 * 2 * (2 * IN * OUT)
    assert made.gpu_hours == pytest.approx(operations / (989e12 * gpu_catalogue().utilisation) / 3600)
    assert made.items == 32_000 and made.disk == 2 * 4 * weights + weights
    kept = 4 * (IN + OUT) * 32 / 8 * 0.5  # the input and what is squared, 4 samples on each of 8 GPUs, half of it in bf16
    expected = {"weights": weights, "gradients": 2 * weights, "optimiser": 2 * weights, "average": weights, "bf16 copies": weights / 2}
    assert made.memory == pytest.approx({**expected, "activations": kept})
    sharded = params.model_copy(update={"train": params.train.model_copy(update={"strategy": "fsdp"})})
    memory = planned(tmp_path, sharded).memory
    assert (memory["weights"], memory["gradients"], memory["optimiser"], memory["average"]) == pytest.approx(
        (weights / 8, weights / 8, weights / 4, weights / 8), abs=8
    )


def test_stages_without_gpu_are_measured_rates(tmp_path: Path) -> None:
    params, rates = load_params("paper", ["matched_real.source=photographic_render", "features.base=''"]), measured_rates()
    nothing = params.train.model_copy(update={"sequence": []})
    rows = {row.name: row for row in plan_cluster(Workspace(tmp_path, "paper"), params.model_copy(update={"train": nothing}), CLUSTER)}
    pictures = 120_000 * 4 * 512 * 512 / 1e6
    assert rows["render"].core_hours == pytest.approx(pictures * rates.render_core_s_per_megapixel / 3600) == pytest.approx(7.0, rel=0.01)
    assert rows["render"].disk == pytest.approx(80e9, rel=0.01)
    assert rows["assets"].items == 120_000 and rows["matched_real"].core_hours == pytest.approx(40.0, rel=0.01)
    assert "features.base is not set" in rows["features"].unknown


def test_aligning_by_hand(tmp_path: Path) -> None:
    """Every picture goes through every model: seconds of each add up, on a GPU or on a core, and 8 views and the posed render are drawn."""
    params, components, rates = load_params("paper", ["align.count=1000"]), component_catalogue(), measured_rates()
    made = ClusterPlan(Workspace(tmp_path, "paper"), params, CLUSTER, tmp_path).align()
    on_gpu = [components[role][kind] for role, kind in PAPER.items() if components[role][kind].gpu_s]
    assert len(on_gpu) == len(made.assumed) == 5 and made.items == 1000
    assert made.gpu_hours == pytest.approx(1000 * (0.12 + 0.15 + 60 + 0.3 + 1.3 + 20 / 8) / 3600)
    assert any("pose by foundation_pose 1.3 s of a GPU and 20 s for each 8: " in words for words in made.assumed)
    each = load_params("paper", ["align.count=1000", "align.pose.command=[run, '{scene}']"])
    assert ClusterPlan(Workspace(tmp_path, "paper"), each, CLUSTER, tmp_path).align().gpu_hours - made.gpu_hours == pytest.approx(17.5 * 1000 / 3600)
    megapixels = 9 * 512 * 512 / 1e6
    on_core = sum(components[role][kind].core_s for role, kind in PAPER.items())
    assert on_core == pytest.approx(2.4 + 18 + 0.3)
    each = on_core + rates.align_core_s + megapixels * rates.render_core_s_per_megapixel
    assert made.core_hours == pytest.approx(1000 * each / 3600) and made.disk == pytest.approx(1000 * megapixels * rates.align_bytes_per_megapixel)
    assert sum(made.memory.values()) == pytest.approx(30.1e9)
    nothing = load_params("paper", ["align.source=''"])
    assert "align.source" in ClusterPlan(Workspace(tmp_path, "paper"), nothing, CLUSTER, tmp_path).align().unknown


def test_every_kind_of_every_role_has_its_cost() -> None:
    for role, kinds in component_catalogue().items():
        parameters = AlignParams.model_fields[role].annotation
        assert parameters is not None and set(kinds) == set(get_args(parameters.model_fields["kind"].annotation)), role
    with_kind = {name for name, field in AlignParams.model_fields.items() if "kind" in getattr(field.annotation, "model_fields", {})}
    assert with_kind == set(component_catalogue())


@pytest.fixture
def chain(tmp_path: Path) -> list[str]:
    """Size paper on a small base."""
    with seeded("base"):
        save_text_to_image(small_base().build(), tmp_path / "base")
    base = f"path:{tmp_path / 'base'}"
    sizes = ["render.size_pixels=32", "matched_real.size_pixels=32", "features.base=''", "features.precision=fp32"]
    return [*sizes, f"train.runs.realiz3d_warmup.parents.base={base}", "matched_real.source=base_model", f"matched_real.base.model={base}"]


def test_a_whole_chain_is_planned_and_features_spare_work(tmp_path: Path, chain: list[str]) -> None:
    workspace, base = Workspace(tmp_path, "paper"), f"path:{tmp_path / 'base'}"
    encoded = {row.name: row for row in plan_cluster(workspace, load_params("paper", chain), CLUSTER)}
    cached = {row.name: row for row in plan_cluster(workspace, load_params("paper", [*chain, f"features.base={base}"]), CLUSTER)}
    for name in ("warmup", "stage1", "stage2"):
        ours, theirs = cached[f"train realiz3d_{name}"], encoded[f"train realiz3d_{name}"]
        assert not ours.unknown and 0 < ours.gpu_hours < theirs.gpu_hours
        assert ours.memory["weights"] == theirs.memory["weights"]
    assert cached["features"].gpu_hours > 0 and cached["features"].disk == 120_000 * 4 * (4 * 4 * 4 * 16 * 16 + 24 * 8)
    assert cached["matched_real"].gpu_hours > 0 and cached["matched_real"].core_hours == 0


def test_the_table_of_a_chain_says_what_is_assumed_and_what_is_not_known(tmp_path: Path, chain: list[str]) -> None:
    unknown = [*chain, "train.runs.realiz3d_warmup.parents.base=hub:someone/something"]
    text = "\n".join(cluster_table(Workspace(tmp_path, "paper"), load_params("paper", unknown), "nodes=2,gpus=4,gpu=h100"))
    assert "estimates" in text and "30% of the peak, an assumption" in text and "H100 data sheet" in text
    assert "align, assumed: mesh by hunyuan3d 60 s of a GPU" in text and "as published for the GPU they name" in text
    assert "train realiz3d_stage2: the shape of the base 'hub:someone/something' is not known" in text
    assert [line.split()[0] for line in text.splitlines() if line.startswith(("assets", "render", "total"))] == ["assets", "render", "total"]
