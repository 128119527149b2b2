"""A method is loaded as it is sampled."""

from pathlib import Path

import pytest
import torch

from models.realiz3d.methods import load_method
from models.realiz3d.network import save_model
from tests.models.realiz3d.fabricated import small_model, stirred
from tests.models.realiz3d.test_baseline_adapters import adapted
from tests.models.realiz3d.test_network import CONTROL, LATENTS, TIMES, condition


def test_realiz3d_itself_is_a_method(tmp_path: Path) -> None:
    model = stirred(small_model())
    save_model(model, tmp_path)
    method = load_method(tmp_path)
    assert all(torch.equal(method.state_dict()[name], weight) for name, weight in model.state_dict().items()) and method.config == model.config


def test_lora_that_stays_is_merged(tmp_path: Path) -> None:
    """The same function (1e-5) at the cost of the base: no layer is wrapped any more."""
    model = adapted("lora")
    save_model(model, tmp_path)
    method = load_method(tmp_path)
    assert method.state_dict().keys() == small_model(domain_input="none").state_dict().keys()
    for control, multiview in ((None, False), (CONTROL, True)):
        expected = model(LATENTS, TIMES, condition(model, control=control, multiview=multiview))
        ours = method(LATENTS, TIMES, condition(method, control=control, multiview=multiview))
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_linear_adapters_that_stay_are_there(tmp_path: Path) -> None:
    model = adapted("linear")
    save_model(model, tmp_path)
    method = load_method(tmp_path)
    assert method.config == model.config
    assert torch.equal(method(LATENTS, TIMES, condition(method)), model(LATENTS, TIMES, condition(model)))


@pytest.mark.parametrize("kind", ["lora", "linear"])
def test_adapters_that_inference_does_without_are_gone(kind: str, tmp_path: Path) -> None:
    model, plain = adapted(kind, removed=True), small_model(domain_input="none")
    save_model(model, tmp_path)
    method = load_method(tmp_path)
    assert method.config == plain.config and method.state_dict().keys() == plain.state_dict().keys()
    assert torch.equal(method(LATENTS, TIMES, condition(method)), plain(LATENTS, TIMES, condition(plain)))


def test_damaged_adapters_are_named(tmp_path: Path) -> None:
    save_model(adapted("lora"), tmp_path)
    (tmp_path / "adapters.safetensors").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"adapters\.safetensors"):
        load_method(tmp_path)
