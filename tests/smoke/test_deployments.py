"""A real Prefect server and worker on loopback run a deployment of infra/prefect.yaml."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from data_specs.params import WORDS
from tasks.ledger import read_manifest
from tests.conftest import REPOSITORY
from tests.smoke.servers import free_port, running, wait_for

PREFECT = str(Path(sys.executable).with_name("prefect"))
DEPLOYMENTS = yaml.safe_load((REPOSITORY / "infra/prefect.yaml").read_text())["deployments"]


def test_every_word_is_deployed_and_the_chain_is_scheduled() -> None:
    assert set(WORDS) <= {deployment["name"] for deployment in DEPLOYMENTS}
    assert [d["entrypoint"] for d in DEPLOYMENTS if d.get("schedules")] == ["flows.full:full", "flows.train:train"]


@pytest.mark.slow
def test_deployment_run_builds_shards(tmp_path: Path) -> None:
    port = free_port()
    variables = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "DO_NOT_TRACK": "1",
        "ATELIER3D_HOME": str(tmp_path),
        "ATELIER3D_PROJECT": str(REPOSITORY),
    }

    def prefect(*arguments: str) -> str:
        done = subprocess.run([PREFECT, *arguments], cwd=REPOSITORY, env=variables, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (tmp_path / "prefect").mkdir()
    server_log, worker_log = tmp_path / "server.log", tmp_path / "worker.log"
    with running([PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)], variables, server_log):
        wait_for(f"{variables['PREFECT_API_URL']}/health", server_log)
        prefect("work-pool", "create", "atelier3d", "--type", "process")
        prefect("--no-prompt", "deploy", "--prefect-file", "infra/prefect.yaml", "--all")
        with running([PREFECT, "worker", "start", "--pool", "atelier3d"], variables, worker_log):
            printed = prefect("deployment", "run", "assets/assets", "--param", "size=tiny", "--watch")
    assert "Completed" in printed, worker_log.read_text()[-3000:]
    assert read_manifest(tmp_path / "data/tiny/assets").samples() == 12
