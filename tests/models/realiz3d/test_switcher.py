"""Domain Switcher: concatenation with the timestep embedding, against a linear layer on the concatenated vector."""

import torch
from torch import nn

from models.micro.vae_recipe import seeded
from models.realiz3d.conditioning import Condition
from models.realiz3d.shifter import reassign
from models.realiz3d.switcher import DomainSwitcher
from tests.models.realiz3d.fabricated import small_model
from tests.models.realiz3d.test_network import CONTROL, LATENTS, TIMES, condition


def stirred_switcher(width: int = 32, domains: int = 2) -> DomainSwitcher:
    with seeded("switcher"), torch.no_grad():
        switcher = DomainSwitcher(width, domains)
        switcher.project.weight.normal_(0, 0.3)
    return switcher


def test_is_a_linear_layer_on_the_concatenated_vectors() -> None:
    switcher = stirred_switcher(6, 3)
    time, domains = torch.randn(4, 6), torch.tensor([0, 2, 1, 2])
    grown = nn.Linear(12, 6, bias=False)
    grown.weight.data = torch.cat([torch.eye(6), switcher.project.weight.data], dim=1)
    joined = grown(torch.cat([time, switcher.vectors_MD[domains]], dim=1))
    torch.testing.assert_close(time + switcher(domains[:, None].expand(-1, 5)), joined, atol=1e-6, rtol=0)


def test_at_the_start_the_base_is_unchanged() -> None:
    model = small_model(domain_input="switcher")
    plain = small_model(domain_input="none")
    for domain in ("synthetic", "real"):
        assert torch.equal(
            model(LATENTS, TIMES, condition(model, domain, CONTROL, True)), plain(LATENTS, TIMES, condition(plain, domain, CONTROL, True))
        )


def test_the_vector_joins_the_timestep_embedding_and_nothing_else() -> None:
    """The network with a timestep embedder whose bias carries the domain's vector says the same (1e-5)."""
    model = small_model(domain_input="switcher")
    model.switcher = stirred_switcher()
    switched = model(LATENTS, TIMES, condition(model, "real"))
    plain = small_model(domain_input="none")
    with torch.no_grad():
        plain.base.backbone.transformer.adaln_single.emb.timestep_embedder.linear_2.bias.add_(model.switcher(torch.tensor([[1]]))[0])
    torch.testing.assert_close(switched, plain(LATENTS, TIMES, condition(plain)), atol=1e-5, rtol=0)
    assert not torch.allclose(switched, model(LATENTS, TIMES, condition(model, "synthetic")), atol=1e-3)


def test_the_domain_of_the_last_block_counts() -> None:
    model = small_model(domain_input="switcher")
    model.switcher = stirred_switcher()
    real = condition(model)
    for blocks in (1, 4):
        mixed = Condition(real.prompts, reassign(real.domains, 0, blocks))
        assert torch.equal(model(LATENTS, TIMES, mixed), model(LATENTS, TIMES, real))
    everywhere = Condition(real.prompts, reassign(real.domains, 0, 5))
    assert torch.equal(model(LATENTS, TIMES, everywhere), model(LATENTS, TIMES, condition(model, "synthetic")))
