"""Settings that documents and scripts name are accepted as they are written there."""

import re
from pathlib import Path

import pytest

from data_specs.params import load_params
from data_specs.suite import load_suite, split_overrides
from tests.conftest import REPOSITORY

SETTING = re.compile(r"""--set\s+('[^']*'|"[^"$]*"|[^\s`"')]+)""")
PLACES = ("*.md", "*/README.md", "*/*/README.md", "*/*/*/README.md", "infra/*.sh")
FILES = [path.relative_to(REPOSITORY) for place in PLACES for path in sorted(REPOSITORY.glob(place)) if "--set" in path.read_text()]


def named(text: str) -> list[str]:
    """Every setting of a text but those with a placeholder for a value."""
    found = [setting.strip("'\"") for setting in SETTING.findall(text)]
    return [setting for setting in found if "..." not in setting and setting != "section.key=value"]


def test_there_are_some() -> None:
    assert Path("README.md") in FILES and Path("infra/micro_models.sh") in FILES


@pytest.mark.parametrize("path", FILES, ids=str)
def test_written_settings_are_accepted(path: Path) -> None:
    for setting in named((REPOSITORY / path).read_text()):
        of_suite, of_params = split_overrides([setting])
        load_params("micro", of_params)
        load_suite("realiz3d_ablation", "micro", of_suite)
