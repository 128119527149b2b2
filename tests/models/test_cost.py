"""Counted operations and saved bytes against arithmetic by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.cost import forward_cost, inference_cost, training_cost

META = torch.device("meta")


def test_two_layers_by_hand() -> None:
    """4 rows through 8 -> 16 -> 4. Forward 2 * 4 * (8 * 16 + 16 * 4) operations; backward as many for the weights, and 2 * 4 * 16 * 4 for what
    enters the second layer. Kept: the input, the hidden values (ReLU works on them in place of a second copy), the squared values."""
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).to(META)
    rows = torch.zeros(4, 8, device=META)
    forward, back = 2 * 4 * (8 * 16 + 16 * 4), 2 * 4 * (8 * 16 + 16 * 4) + 2 * 4 * 16 * 4
    cost = training_cost(network, lambda: network(rows).square().mean())
    assert cost.flops == forward + back
    assert cost.saved_bytes == 4 * (4 * 8 + 4 * 16 + 4 * 4)
    assert forward_cost(network, lambda: network(rows).square().mean()).flops == forward
    assert inference_cost(lambda: network(rows)).flops == forward and inference_cost(lambda: network(rows)).saved_bytes == 0


def test_attention_and_convolution_by_hand() -> None:
    query = torch.zeros(2, 3, 10, 8, device=META)  # samples, heads, tokens, width of a head
    assert inference_cost(lambda: F.scaled_dot_product_attention(query, query, query)).flops == 2 * (2 * 2 * 3 * 10 * 10 * 8)
    layer = nn.Conv2d(3, 5, 3, padding=1).to(META)
    assert inference_cost(lambda: layer(torch.zeros(2, 3, 16, 16, device=META))).flops == 2 * 2 * 16 * 16 * 3 * 3 * 3 * 5


def test_the_same_on_meta_as_on_the_processor() -> None:
    network = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 4))
    here = training_cost(network, lambda: network(torch.zeros(4, 8)).square().mean())
    there = training_cost(network.to(META), lambda: network(torch.zeros(4, 8, device=META)).square().mean())
    assert here.flops == there.flops and here.saved_bytes == pytest.approx(there.saved_bytes, rel=0.05)
