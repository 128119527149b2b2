"""The order of runs, and the command that trains one."""

import shlex

import pytest

from data_specs.params import SIZES, load_params
from tasks.training_order import training_command, with_ancestors


def test_parents_come_first_and_once() -> None:
    params = load_params("micro", ["train.runs.realiz3d_stage2.parents.base=realiz3d_warmup", "train.runs.realiz3d_warmup.parents.base=micro_base"])
    assert with_ancestors(params, "realiz3d_stage2") == ["micro_vae", "micro_base", "realiz3d_warmup", "realiz3d_stage1", "realiz3d_stage2"]
    assert with_ancestors(params, "micro:base") == []


@pytest.mark.parametrize("size", SIZES)
def test_the_sequence_of_every_size_is_in_order(size: str) -> None:
    params = load_params(size)
    assert with_ancestors(params, params.train.sequence[-1]) == params.train.sequence


def test_the_command_asks_for_that_sequence() -> None:
    *_, option, override = shlex.split(training_command(load_params("tiny"), "realiz3d_stage1"))
    assert option == "--set"
    assert load_params("tiny", [override]).train.sequence == ["micro_vae", "micro_base", "realiz3d_stage1"]
