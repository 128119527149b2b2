"""Recipe completeness: every training run of every size names a recipe, a valid config and parents that are trained before it."""

import pytest

from data_specs.params import SIZES, WORDS, load_params
from data_specs.weights import parse_reference
from models.registry import RECIPES, make_recipe

RUNS = [(size, name) for size in SIZES for name in load_params(size).train.runs]


@pytest.mark.parametrize(("size", "name"), RUNS)
def test_run_is_complete(size: str, name: str) -> None:
    train = load_params(size).train
    recipe = make_recipe(train.runs[name].recipe, train.runs[name].config)
    assert {source.word for source in recipe.sources} <= set(WORDS)
    assert sum(source.share for source in recipe.sources) == pytest.approx(1.0)
    order = train.sequence if name in train.sequence else list(train.runs)  # the other runs stand in the order in which they are trained
    earlier = order[: order.index(name)]
    assert {parent for parent in train.runs[name].parents.values() if parse_reference(parent) is None} <= set(earlier)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_refuses_unknown_settings(name: str) -> None:
    with pytest.raises(ValueError, match="no_such_setting"):
        make_recipe(name, {"no_such_setting": 1})


@pytest.mark.parametrize("size", SIZES)
def test_evaluated_run_is_trained(size: str) -> None:
    params = load_params(size)
    assert params.evaluate.run in params.train.sequence
