"""Imports run one way: import-linter's contracts, and the three orchestration libraries in their own few files."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

HOMES = {
    "prefect": lambda path: path.parts[0] == "flows" or (path.parts[0] == "tasks" and path.name == "task.py"),
    "ray": lambda path: path.as_posix() in ("tasks/ray_life.py", "tasks/ray_workers.py") or path.as_posix().startswith("tasks/train/"),
    "mlflow": lambda path: path.as_posix() == "tasks/tracking.py",
}


def imported_packages(path: Path) -> set[str]:
    packages = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            packages.add(node.module.split(".")[0])
    return packages


def test_import_linter_is_clean() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([str(linter), "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_orchestration_stays_at_home() -> None:
    strays = []
    for layer in ("data_specs", "models", "tasks", "flows"):
        for path in (REPOSITORY / layer).rglob("*.py"):
            relative = path.relative_to(REPOSITORY)
            strays += [(str(relative), package) for package in imported_packages(path) & set(HOMES) if not HOMES[package](relative)]
    assert not strays
