"""Every recipe by its name in the parameters."""

from typing import Any

from pydantic import ValidationError

from models.micro.base_recipe import BaseRecipe
from models.micro.embedder_recipe import EmbedderRecipe
from models.micro.vae_recipe import VaeRecipe
from models.realiz3d.baselines import FitRecipe, FullRecipe, JointRecipe, LightRecipe, RemovedRecipe
from models.realiz3d.layer_study import LayersRecipe
from models.realiz3d.recipe import Stage1Recipe, Stage2Recipe, WarmupRecipe
from models.recipe import Recipe

_MICRO = (VaeRecipe, BaseRecipe, EmbedderRecipe)
_REALIZ3D = (WarmupRecipe, Stage1Recipe, Stage2Recipe, FullRecipe, LightRecipe, JointRecipe, FitRecipe, RemovedRecipe, LayersRecipe)

RECIPES: dict[str, Any] = {recipe.name: recipe for recipe in (*_MICRO, *_REALIZ3D)}
"""Name -> class; `Config` is the class of its settings."""


def make_recipe(name: str, config: dict[str, Any]) -> Recipe:
    """A recipe with its own settings checked. Raises ValueError for an unknown recipe, an unknown key or a wrong value."""
    if name not in RECIPES:
        raise ValueError(f"no recipe {name!r}: there are {', '.join(RECIPES)}")
    kind = RECIPES[name]
    try:
        return kind(kind.Config.model_validate(config))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in error.errors()]
        raise ValueError(f"settings of recipe {name} are wrong:\n  " + "\n  ".join(lines)) from None
