"""The surroundings a flow runs in: Prefect's home inside the project, no telemetry, and no temporary server left over from a killed run."""

import os
from pathlib import Path

import psutil

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
SERVER_MODULE = "prefect.server.api.server"


def prepare_environment() -> None:
    """Give every variable that is not set yet its value; must run before the first `import prefect`."""
    home = Path(os.environ.get("ATELIER3D_HOME", ".")).resolve() / "runs" / "prefect"
    os.environ.setdefault("PREFECT_HOME", str(home))
    # Prefect creates the last folder only: with a missing parent its server dies at start and the flow waits until a time-out.
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if "PREFECT__FLOW_RUN_ID" not in os.environ:
        # On the command line the command says what went wrong, in one line; for a worker's runs Prefect logs it.
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")


def stop_orphaned_servers() -> list[int]:
    """End temporary Prefect servers of this project whose flow was killed; returns their process ids.

    A server counts as orphaned when it uses our PREFECT_HOME and its parent is gone or no Python process of ours any more.
    """
    stopped = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        try:
            if SERVER_MODULE in " ".join(process.info["cmdline"] or []) and _is_ours(process) and _is_orphan(process):
                process.terminate()
                stopped.append(process.pid)
        except psutil.Error:
            continue  # it ended meanwhile, or belongs to another user
    return stopped


def _is_ours(process: psutil.Process) -> bool:
    return process.environ().get("PREFECT_HOME") == os.environ["PREFECT_HOME"]


def _is_orphan(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is None or parent.pid == 1 or "python" not in parent.name()
