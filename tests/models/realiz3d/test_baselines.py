"""The baselines: what trains and what stays, what each sees, and how two stages follow each other (SPEC R11, R12)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.realiz3d.methods import load_method
from models.realiz3d.network import Realiz3D, load_model, save_model
from models.realiz3d.sampling import SamplingSettings, control_from_views, sample_views
from models.registry import make_recipe
from tests.models.realiz3d.fabricated import SHAPE, matched_sample, render_sample
from tests.models.realiz3d.test_recipe import RNG, SAMPLES, spied, train_a_step

START: dict[str, Any] = {"random_base": SHAPE, "picture_steps": 2}
BACKBONE, CONTROL = "base.backbone.", "control."
SWITCHER = ("switcher.vectors_MD", "switcher.project.weight")
KINDS = ("lora", "linear")


def recipe(name: str, **config: Any) -> Any:
    first = START if "control" not in config else {"picture_steps": 2}
    return make_recipe(f"realiz3d_{name}", {**first, **config})


def moved(chosen: Any, network: Realiz3D, steps: int = 3) -> set[str]:
    """Weights that a few steps change; some start behind a zero and move from the second step on."""
    batch = chosen.collate({source.word: SAMPLES[source.word] for source in chosen.sources}, RNG)
    return set().union(*(train_a_step(chosen, network, batch) for _ in range(steps)))


def named(network: Realiz3D, *prefixes: str) -> set[str]:
    return {name for name in network.state_dict() if name.startswith(prefixes)}


@pytest.mark.parametrize(("share", "words"), [(0.0, ["render"]), (0.5, ["render", "matched_real"])])
def test_full_tuning_moves_backbone_and_control(share: float, words: list[str]) -> None:
    chosen = recipe("full", real_share=share)
    assert [source.word for source in chosen.sources] == words
    network = chosen.build({})
    assert moved(chosen, network) == named(network, BACKBONE, CONTROL)
    assert network.config.domain_input == "none" and not network.domain_parameters()


@pytest.mark.parametrize("kind", KINDS)
def test_light_tuning_moves_adapters_and_control_alone(kind: str) -> None:
    chosen = recipe("light", network={"adapter": {"kind": kind, "rank": 3}})
    assert [source.word for source in chosen.sources] == ["render"]
    network = chosen.build({})
    adapters = {name for name in network.state_dict() if ".lora_" in name or name.startswith("adapters.")}
    assert adapters and moved(chosen, network) == adapters | named(network, CONTROL)


@pytest.mark.parametrize(("domain_input", "weights"), [("shifters", ("shifters.",)), ("switcher", ("switcher.",))])
def test_joint_training_moves_domain_backbone_and_control(domain_input: str, weights: tuple[str, ...]) -> None:
    chosen = recipe("joint", network={"domain_input": domain_input})
    network = chosen.build({})
    assert moved(chosen, network) == named(network, BACKBONE, CONTROL, *weights)
    synthetic, real = spied(chosen, network, chosen.collate(SAMPLES, RNG))
    assert (synthetic.multiview, synthetic.control is None, synthetic.domains.unique().tolist()) == (True, False, [0])
    assert (real.multiview, real.control is None, real.domains.unique().tolist(), real.frozen_blocks) == (False, True, [1], 0)


def test_two_stage_switcher_learns_alone_and_then_stays(tmp_path: Path) -> None:
    first = recipe("stage1", network={"domain_input": "switcher"})
    network = first.build({})
    assert moved(first, network) == set(SWITCHER)
    first.save(network, tmp_path)
    second = recipe("stage2", control="maps", layer_aware=False, reassign_probability=0)
    trained = second.build({"shifted": tmp_path})
    assert all(torch.equal(trained.state_dict()[name], network.state_dict()[name]) for name in SWITCHER)
    assert moved(second, trained) == named(trained, BACKBONE, CONTROL)


@pytest.mark.parametrize("kind", KINDS)
def test_domain_and_spatial_adapter(kind: str, tmp_path: Path) -> None:
    """Adapters learn from single synthetic pictures; the model learns beside them; at inference they are gone."""
    first = recipe("adapter", network={"adapter": {"kind": kind, "rank": 3}})
    network = first.build({})
    batch = first.collate({"render": SAMPLES["render"]}, RNG)
    (seen,) = spied(first, network, batch)
    assert seen.control is None and not seen.multiview
    adapters = set(network.state_dict()) & {name for name, weight in network.named_parameters() if weight.requires_grad}
    assert moved(first, network) == adapters
    first.save(network, tmp_path / "first")

    second = recipe("adapted", control="maps")
    trained = second.build({"adapted": tmp_path / "first"})
    assert moved(second, trained) == named(trained, BACKBONE, CONTROL) - adapters
    fitted = {name: weight for name, weight in network.state_dict().items() if name in adapters}
    assert all(torch.equal(trained.state_dict()[name], weight) for name, weight in fitted.items())
    second.save(trained, tmp_path / "second")
    again, method = load_model(tmp_path / "second"), load_method(tmp_path / "second")
    assert again.state_dict().keys() == trained.state_dict().keys() and again.adapter_parameters()
    assert not method.adapter_parameters() and method.config.adapter is None
    with trained.without_adapters():
        kept = trained.state_dict()
        assert method.state_dict().keys() == kept.keys() and all(torch.equal(method.state_dict()[name], kept[name]) for name in kept)


def test_ablation_without_real_data_in_stage_two(tmp_path: Path) -> None:
    network = recipe("stage1").build({})
    save_model(network, tmp_path)
    chosen = recipe("stage2", control="maps", real_share=0)
    assert [(source.word, source.share) for source in chosen.sources] == [("render", 1.0)]
    trained = chosen.build({"shifted": tmp_path})
    assert moved(chosen, trained) == named(trained, BACKBONE, CONTROL)


ROWS: list[tuple[str, dict[str, Any]]] = [
    ("full", {}),
    ("light", {"network": {"adapter": {"kind": "lora", "rank": 3}}}),
    ("light", {"network": {"adapter": {"kind": "linear", "rank": 3}}}),
    ("joint", {}),
    ("joint", {"network": {"domain_input": "switcher"}}),
]


@pytest.mark.parametrize("kind", ["maps", "viewpoint"])
@pytest.mark.parametrize(("name", "config"), ROWS)
def test_every_method_is_sampled_from_its_folder(name: str, config: dict[str, Any], kind: str, tmp_path: Path) -> None:
    network_config = {**config.get("network", {}), "control": kind}
    chosen = recipe(name, network=network_config)
    network = chosen.build({})
    batch = chosen.collate({source.word: SAMPLES[source.word] for source in chosen.sources}, RNG)
    train_a_step(chosen, network, batch)
    picture = chosen.picture(network.eval(), batch, RNG)
    assert picture.shape == (2 * 2 * 16, 4 * 16, 3) and picture.dtype == np.uint8
    chosen.save(network, tmp_path)
    control = control_from_views(render_sample("cup"), kind)[None]  # type: ignore[arg-type]
    settings = SamplingSettings(steps=2)
    trained, method = (sample_views(model, control, ["a cup"], settings, np.random.default_rng(1)) for model in (network, load_method(tmp_path)))
    assert trained.shape == (1, 4, 16, 16, 3) and np.abs(trained.astype(int) - method.astype(int)).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_adapters_are_as_at_inference(kind: str, tmp_path: Path) -> None:
    first = recipe("adapter", network={"adapter": {"kind": kind, "rank": 3}})
    network = first.build({})
    batch = first.collate({"render": SAMPLES["render"]}, RNG)
    moved(first, network)
    both = first.picture(network.eval(), batch, RNG)
    assert both.shape == (2 * 16, 8 * 16, 3) and not np.array_equal(both[:, : 4 * 16], both[:, 4 * 16 :])
    first.save(network, tmp_path / "first")
    second = recipe("adapted", control="maps")
    trained = second.build({"adapted": tmp_path / "first"}).eval()
    batch = second.collate({"render": SAMPLES["render"]}, RNG)
    second.save(trained, tmp_path / "second")
    assert np.array_equal(second.picture(trained, batch, RNG), second.picture(load_method(tmp_path / "second"), batch, RNG))


def test_wrong_settings_and_parents_are_named(tmp_path: Path) -> None:
    for name in ("full", "light", "joint", "adapter"):
        with pytest.raises(ValueError, match="'base'"):
            make_recipe(f"realiz3d_{name}", {}).build({})
    with pytest.raises(ValueError, match="'adapted'"):
        make_recipe("realiz3d_adapted", {}).build({})
    for name, wrong in (
        ("full", {"domain_input": "switcher"}),
        ("full", {"adapter": {}}),
        ("light", {"adapter": None}),
        ("joint", {"domain_input": "none"}),
    ):
        with pytest.raises(ValueError, match="network"):
            recipe(name, network=wrong)
    save_model(recipe("full").build({}), tmp_path)
    with pytest.raises(ValueError, match="no adapters"):
        recipe("adapted", control="maps").build({"adapted": tmp_path})
    with pytest.raises(ValueError, match="made for"):
        recipe("adapted", control="viewpoint").build({"adapted": tmp_path})


def test_real_samples_of_other_captions_are_matched() -> None:
    """Joint training and full tuning read the same two data sets as stage 2."""
    assert recipe("full", real_share=0.5).sources == recipe("joint").sources == make_recipe("realiz3d_stage2", {}).sources
    assert recipe("full", real_share=0.5).collate({"matched_real": [matched_sample("cup")]}, RNG)["matched_real"]["domains"] == ["real"]
