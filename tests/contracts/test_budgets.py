"""The size budgets: files, functions and argument lists stay small; public functions say what they take."""

import ast
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

LAYERS = ("data_specs", "models", "tasks", "flows")
FILES = sorted(path for layer in LAYERS for path in (REPOSITORY / layer).rglob("*.py"))
LINES_STOP, FUNCTION_STOP, ARGUMENTS_STOP = 400, 60, 8


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_budgets(path: Path) -> None:
    assert path.read_text().count("\n") <= LINES_STOP
    for function in functions(path):
        assert function.end_lineno is not None
        assert function.end_lineno - function.lineno < FUNCTION_STOP, function.name
        assert len(function.args.args) + len(function.args.kwonlyargs) <= ARGUMENTS_STOP, function.name


@pytest.mark.parametrize("path", [p for p in FILES if "models" in p.parts or "data_specs" in p.parts], ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_public_functions_are_documented(path: Path) -> None:
    public = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")]
    assert not [node.name for node in public if not ast.get_docstring(node)]


def test_flows_stay_short() -> None:
    words = [path for path in (REPOSITORY / "flows").glob("*.py") if path.stem not in {"command"}]
    assert all(path.read_text().count("\n") <= 80 for path in words)


def test_no_drawers_and_no_unfinished_work() -> None:
    names = {path.stem for path in FILES} | {path.parent.name for path in FILES}
    assert not names & {"utils", "util", "helpers", "common", "misc"}
    markers = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "pickle.load")
    assert not [(path, marker) for path in FILES for marker in markers if marker in path.read_text()]
