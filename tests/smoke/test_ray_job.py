"""A flow submitted as a job to a local Ray head runs there, on that cluster, and leaves it running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.ledger import read_manifest
from tests.conftest import REPOSITORY
from tests.smoke.servers import free_port, running, wait_for

RAY = str(Path(sys.executable).with_name("ray"))


@pytest.mark.slow
def test_job_builds_shards_on_the_cluster(tmp_path: Path) -> None:
    port, dashboard = free_port(), free_port()
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123456789abcdef")
    variables = {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
        "RAY_USAGE_STATS_ENABLED": "0",
        "ATELIER3D_HOME": str(tmp_path),
    }
    head = [RAY, "start", "--head", "--block", f"--port={port}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", "--num-cpus=2"]
    with running(head, variables, tmp_path / "head.log"):
        wait_for(f"http://127.0.0.1:{dashboard}/api/version", tmp_path / "head.log")
        flow = f"cd {REPOSITORY} && {sys.executable} -m flows.assets --size tiny --set execution.backend=ray --root {tmp_path}"
        submitted = subprocess.run(
            [RAY, "job", "submit", "--", "bash", "-c", flow], env=variables, capture_output=True, text=True, timeout=400, check=False, cwd=tmp_path
        )
        assert submitted.returncode == 0, submitted.stdout + submitted.stderr
        listed = subprocess.run([RAY, "job", "list"], env=variables, capture_output=True, text=True, timeout=60, check=False)
        assert "SUCCEEDED" in listed.stdout + listed.stderr
    assert read_manifest(tmp_path / "data/tiny/assets").samples() == 12
