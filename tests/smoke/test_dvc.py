"""`dvc repro` from a fresh clone: the same digests every time, and nothing to do the second time but to look for new pictures and verdicts."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tasks.ledger import read_manifest
from tests.conftest import REPOSITORY

DVC = str(Path(sys.executable).with_name("dvc"))


def dvc(clone: Path, *arguments: str) -> str:
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    for name in ("ATELIER3D_HOME", "PREFECT_HOME", "PREFECT_API_URL"):
        variables.pop(name, None)
    done = subprocess.run([DVC, *arguments], cwd=clone, env=variables, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fresh_clone(folder: Path) -> Path:
    subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(folder)], check=True)
    return folder


def outputs(clone: Path) -> dict[str, str]:
    stages = yaml.safe_load((clone / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


@pytest.mark.slow
@pytest.mark.timeout(2000)
def test_two_clones_agree_and_a_second_repro_is_skipped(tmp_path: Path) -> None:
    first, second = fresh_clone(tmp_path / "first"), fresh_clone(tmp_path / "second")
    for clone in (first, second):
        dvc(clone, "repro", "-q", "report@tiny")
    assert outputs(first) == outputs(second)
    assert len(outputs(first)) == 9
    assert re.findall(r"Running stage '(\S+)'", dvc(first, "repro", "report@tiny")) == ["align@tiny"]
    assert outputs(first) == outputs(second)


@pytest.mark.slow
def test_a_changed_section_reruns_its_own_stage(tmp_path: Path) -> None:
    clone = fresh_clone(tmp_path / "clone")
    dvc(clone, "repro", "-q", "render@tiny")
    before = outputs(clone)
    params = clone / "data_specs/params/tiny.yaml"
    params.write_text(params.read_text().replace("render: {plan: orthogonal4, light: uniform", "render: {plan: orthogonal4, light: environment"))
    dvc(clone, "repro", "-q", "render@tiny")
    after = outputs(clone)
    assert after["data/tiny/assets"] == before["data/tiny/assets"]
    assert after["data/tiny/render"] != before["data/tiny/render"]


@pytest.mark.slow
def test_a_new_verdict_is_seen_though_no_parameter_changes(tmp_path: Path) -> None:
    clone = fresh_clone(tmp_path / "clone")
    verdicts, params = clone / "verdicts.json", clone / "data_specs/params/tiny.yaml"
    verdicts.write_text('{"version": 1, "verdicts": {}}')
    params.write_text(params.read_text().replace("{source: composed,", f"{{source: composed, verdicts: {verdicts},"))
    dvc(clone, "repro", "-q", "align@tiny")
    before = outputs(clone)
    subject_id = read_manifest(clone / "data/tiny/align").shards[0].inputs[0]
    verdicts.write_text(json.dumps({"version": 1, "verdicts": {subject_id: {"verdict": "drop"}}}))
    dvc(clone, "repro", "-q", "align@tiny")
    after = outputs(clone)
    assert {path for path in after if after[path] != before[path]} == {"data/tiny/align"}
