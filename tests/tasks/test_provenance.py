"""Provenance: the facts of this checkout and of a workspace's manifests, and "unknown" instead of a failure where there are none."""

import hashlib
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tasks import provenance as module
from tasks.artefacts import Workspace
from tasks.provenance import provenance
from tests.conftest import REPOSITORY


def test_facts_of_this_checkout(tmp_path: Path) -> None:
    workspace = Workspace.open("tiny", tmp_path)
    manifest = workspace.folder("render") / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    facts = provenance(workspace)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
    assert facts["git.revision"] == head
    assert facts["package.numpy"] == version("numpy")
    assert facts["manifest.render"] == hashlib.sha256(b"{}").hexdigest()
    assert "manifest.assets" not in facts


def test_outside_git_everything_is_unknown_and_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    facts = provenance(Workspace.open("tiny", tmp_path))
    assert facts["git.revision"] == "unknown" and facts["dvc.lock_sha256"] == "unknown"
