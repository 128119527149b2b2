"""Domain Shifters: the formula of SPEC R3."""

import pytest
import torch

from models.realiz3d.shifter import DomainShifters, reassign

DOMAINS = ("synthetic", "real", "randomly_lit")


@pytest.fixture
def shifters() -> DomainShifters:
    torch.manual_seed(0)
    made = DomainShifters(blocks=4, width=12, domains=DOMAINS, rank=3)
    torch.nn.init.normal_(made.left_NDR)
    return made


def test_starts_at_zero() -> None:
    fresh = DomainShifters(4, 12, DOMAINS)
    assert fresh.rank == 8 and not fresh.shifts().any()
    assert fresh.embeddings_NMD.any() and fresh.right_NRD.any()


def test_is_left_times_right_times_embedding(shifters: DomainShifters) -> None:
    domains = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1]])
    added = shifters(domains)
    assert added.shape == (4, 2, 1, 12)
    for block in range(4):
        for sample in range(2):
            embedding = shifters.embeddings_NMD[block, domains[sample, block]]
            expected = shifters.left_NDR[block] @ (shifters.right_NRD[block] @ embedding)
            torch.testing.assert_close(added[block, sample, 0], expected)


def test_shifts_of_all_domains_span_no_more_than_the_rank(shifters: DomainShifters) -> None:
    many = DomainShifters(1, 12, tuple("abcdefgh"), rank=3)
    torch.nn.init.normal_(many.left_NDR)
    assert torch.linalg.matrix_rank(many.shifts()[0]) == 3


def test_selecting_by_name(shifters: DomainShifters) -> None:
    assert shifters.select(["real", "synthetic"]).tolist() == [[1] * 4, [0] * 4]
    with pytest.raises(ValueError, match="'painted'"):
        shifters.select(["painted"])


def test_reassigning_the_first_blocks(shifters: DomainShifters) -> None:
    real = shifters.select(["real", "randomly_lit"])
    assert reassign(real, 0, 3).tolist() == [[0, 0, 0, 1], [0, 0, 0, 2]]
    assert reassign(real, 0, 0).tolist() == real.tolist() == [[1] * 4, [2] * 4]


@pytest.mark.parametrize("domains", [("real",), ("real", "real")])
def test_needs_two_different_domains(domains: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="at least two"):
        DomainShifters(4, 12, domains)
