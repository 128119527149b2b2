"""Low-rank adaptation of the attention layers of a transformer, by peft: W x + B A x, with B zero at first."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.attention_processor import Attention
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn


def add_lora(transformer: nn.Module, rank: int) -> None:
    """Wrap every linear layer of every attention layer; their scale is 1 (alpha = rank). The weights are left without a say in what trains."""
    trained = {name: weight.requires_grad for name, weight in transformer.named_parameters()}
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=attention_linears(transformer)), transformer)
    for name, weight in transformer.named_parameters():
        weight.requires_grad_(trained.get(name.replace(".base_layer", ""), True))


def attention_linears(transformer: nn.Module) -> list[str]:
    """Names of all linear layers within attention layers: queries, keys, values and outputs."""
    attentions: list[tuple[str, Any]] = [
        (name, part) for name, part in transformer.named_modules() if isinstance(part, Attention | AttentionModuleMixin)
    ]
    return [f"{name}.{part}" for name, module in attentions for part, layer in module.named_modules() if isinstance(layer, nn.Linear)]


def lora_layers(transformer: nn.Module) -> dict[str, Any]:
    """The wrapped layers by name."""
    return {name: module for name, module in transformer.named_modules() if isinstance(module, LoraLayer)}


def merge_lora(transformer: nn.Module) -> None:
    """Add B A to the weights themselves: the same function, at the cost of the plain transformer."""
    for layer in lora_layers(transformer).values():
        layer.merge()
    remove_lora(transformer)


def remove_lora(transformer: nn.Module) -> None:
    """Leave the plain transformer, with the weights that the wrapped layers have."""
    for name, layer in lora_layers(transformer).items():
        transformer.set_submodule(name, layer.base_layer)


@contextmanager
def without_lora(transformer: nn.Module) -> Iterator[None]:
    """Let the transformer be the plain one, names of weights included, for the length of a `with` block."""
    layers = lora_layers(transformer)
    remove_lora(transformer)
    try:
        yield
    finally:
        for name, layer in layers.items():
            transformer.set_submodule(name, layer)
