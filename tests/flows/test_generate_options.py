"""The options of `atelier3d generate` become parameters, whatever a prompt looks like."""

import argparse

import pytest

from data_specs.params import GenerateParams, load_params
from flows.command import _add_flow_arguments, _generate_overrides


def parameters(*arguments: str) -> GenerateParams:
    parser = argparse.ArgumentParser()
    _add_flow_arguments(parser, "generate")
    return load_params("tiny", _generate_overrides(parser.parse_args(arguments))).generate


@pytest.mark.parametrize("prompt", ["a red chair", "yes", "3", 'a: "quoted" [thing] = {other} # no comment', "ein grüner Stuhl 🪑"])
def test_a_prompt_stays_what_it_is(prompt: str) -> None:
    assert parameters("texture", "--mesh", "in/My Chair.glb", "--prompt", prompt).prompt == prompt


def test_results_of_ones_own_have_their_own_folder() -> None:
    assert parameters("texture", "--mesh", "in/My Chair.glb", "--prompt", "x").out == "generated/my_chair"
    assert parameters("multiview", "--prompt", "A blue car!").out == "generated/a_blue_car"
    assert parameters("texture", "--mesh", "a.glb", "--out", "there").out == "there"


def test_without_a_kind_it_is_the_stage() -> None:
    assert parameters() == load_params("tiny").generate


def test_numbers_are_checked() -> None:
    made = parameters("multiview", "--prompt", "x", "--real", "0.25", "--seed", "7")
    assert (made.kind, made.real, made.seed) == ("multiview", 0.25, 7)
    with pytest.raises(ValueError, match=r"generate\.real"):
        parameters("multiview", "--prompt", "x", "--real", "1.5")
