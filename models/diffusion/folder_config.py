"""`config.json` of a model folder: what is no part of diffusers' own layout. It may be a stranger's: all is checked before anything is built."""

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_specs.params import explain
from data_specs.strict import Strict
from models.diffusion.prompts import LONGEST, WIDEST

CONFIG_NAME = "config.json"
FORMAT = 1


class HashedWordsConfig(Strict):
    """Text is read by `HashedWords`."""

    kind: Literal["hashed_words"]
    channels: int = Field(gt=0, le=WIDEST)
    length: int = Field(gt=0, le=LONGEST)


class PipelineConfig(Strict):
    """Text is read by the encoders of the pipeline in the same folder."""

    kind: Literal["pipeline"]


class FolderConfig(BaseModel):
    """What every model folder says. Further keys are sections of the systems that are built on a base, which check them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    format: Literal[1]
    prediction: Literal["noise", "velocity", "flow"]
    prompts: HashedWordsConfig | PipelineConfig = Field(discriminator="kind")


def read_config(folder: Path) -> FolderConfig:
    """Read `folder/config.json`. Raises ValueError naming the file, and what in it is wrong, when it cannot be used."""
    path = folder / CONFIG_NAME
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} is not a model folder ({error}): train its run first") from None
    try:
        return FolderConfig.model_validate(config)
    except ValidationError as error:
        raise ValueError(f"{path} does not describe a model of format {FORMAT}, train its run again:\n  {explain(error)}") from None
