"""Recipes by name, and that the parameter files name them rightly."""

import pytest

from data_specs.params import SIZES, load_params
from data_specs.weights import parse_reference
from models.registry import RECIPES, make_recipe


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_is_made_by_its_name(name: str) -> None:
    recipe = make_recipe(name, {})
    assert recipe.name == name
    assert sum(source.share for source in recipe.sources) == 1.0


@pytest.mark.parametrize("size", SIZES)
def test_runs_of_the_parameter_files_are_valid(size: str) -> None:
    train = load_params(size).train
    for run in train.runs.values():
        assert make_recipe(run.recipe, run.config).name == run.recipe
        assert {parent for parent in run.parents.values() if parse_reference(parent) is None} <= set(train.runs)


def test_unknown_names_and_keys_are_errors() -> None:
    with pytest.raises(ValueError, match=r"no recipe 'micro_gan'.*realiz3d_stage1"):
        make_recipe("micro_gan", {})
    with pytest.raises(ValueError, match=r"(?s)micro_vae.*colour"):
        make_recipe("micro_vae", {"colour": 1})
    with pytest.raises(ValueError, match=r"(?s)realiz3d_stage1.*network.rank"):
        make_recipe("realiz3d_stage1", {"network": {"rank": 0}})
