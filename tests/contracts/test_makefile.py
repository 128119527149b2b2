"""What `make` removes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_clean_leaves_all_but_the_demo_sizes(tmp_path: Path) -> None:
    kept = ["data/paper/train", "runs/paper/train", "runs/prefect", "demo/chairs/data/paper/train", "realiz3d_tables/data/micro", ".venv"]
    removed = [f"{place}{kind}/{size}/train" for place in ("", "demo/chairs/") for kind in ("data", "runs") for size in ("tiny", "micro")]
    for folder in kept + removed:
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert all((tmp_path / folder).is_dir() for folder in kept)
    assert not [folder for folder in removed if (tmp_path / folder).parent.exists()]
