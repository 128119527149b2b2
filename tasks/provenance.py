"""What made a result: code, data and package versions, for every run and report."""

import hashlib
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from data_specs.params import WORDS
from tasks.artefacts import Workspace
from tasks.ledger import MANIFEST

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "diffusers", "ray", "prefect", "mlflow", "webdataset", "numpy", "open3d")


def provenance(workspace: Workspace) -> dict[str, str]:
    """Git revision and cleanness, DVC lock, package versions and manifest digests; "unknown" where there is nothing to ask."""
    facts = {"git.revision": _git("rev-parse", "HEAD") or "unknown", "git.dirty": str(bool(_git("status", "--porcelain"))).lower()}
    facts["dvc.lock_sha256"] = _file_digest(PROJECT / "dvc.lock")
    facts |= {f"package.{name}": _version(name) for name in PACKAGES}
    facts |= {f"manifest.{word}": _file_digest(workspace.folder(word) / MANIFEST) for word in WORDS if (workspace.folder(word) / MANIFEST).is_file()}
    return facts


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "unknown"
