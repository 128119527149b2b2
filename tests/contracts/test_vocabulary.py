"""One vocabulary: every word is a flow, a stage folder, a DVC stage, a params section, a test folder and a subcommand."""

import subprocess
import sys

import pytest
import yaml

from data_specs.params import SIZES, WORDS, Params, load_params
from tests.conftest import REPOSITORY

DVC_STAGES = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]


@pytest.mark.parametrize("word", WORDS)
def test_word_is_everywhere(word: str) -> None:
    assert (REPOSITORY / "flows" / f"{word}.py").is_file()
    assert (REPOSITORY / "tasks" / word / "task.py").is_file()
    assert (REPOSITORY / "tests" / "tasks" / word).is_dir()
    assert word in DVC_STAGES
    assert word in Params.model_fields


def test_no_word_beside_the_vocabulary() -> None:
    assert set(DVC_STAGES) == set(WORDS)
    stage_folders = {path.parent.name for path in (REPOSITORY / "tasks").glob("*/task.py")}
    assert stage_folders == set(WORDS)
    flow_files = {path.stem for path in (REPOSITORY / "flows").glob("*.py")}
    assert flow_files == {*WORDS, "full", "command", "environment", "shard_stage", "stopping", "__init__"}


@pytest.mark.parametrize("size", SIZES)
def test_parameter_file_names_its_own_size(size: str) -> None:
    assert load_params(size).size == size


def test_command_offers_every_word() -> None:
    help_text = subprocess.run([sys.executable, "-m", "flows.command", "--help"], capture_output=True, text=True, cwd=REPOSITORY, check=True).stdout
    for word in (*WORDS, "full", "lineage", "plan"):
        assert f"    {word}" in help_text
