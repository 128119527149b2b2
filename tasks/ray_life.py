"""Ray's life: connect or start, end what was started, and what a worker process finds around it."""

import importlib
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]

_OWNERS = 0
_STARTED = False
_LOCK = threading.Lock()


def start_ray(workers: int) -> Any:
    """Connect to RAY_ADDRESS, or start a local Ray with `workers` cores (0 = all); returns the module. Balance each call by `stop_ray`."""
    global _OWNERS, _STARTED
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    if "RAY_ADDRESS" not in os.environ:
        _require_token()
    ray = importlib.import_module("ray")
    with _LOCK:
        if not ray.is_initialized():
            quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
            if "RAY_ADDRESS" in os.environ:
                ray.init(os.environ["RAY_ADDRESS"], **quiet)
            else:
                _on_a_thread_that_stays(lambda: ray.init("local", num_cpus=workers or None, include_dashboard=False, **quiet))
            _STARTED = True
        _OWNERS += 1
    return ray


def _on_a_thread_that_stays(start: Callable[[], object]) -> None:
    """Run `start` on a thread that lives as long as this process, and raise here what it raises.

    The kernel kills Ray's processes when the thread that started them ends, and Ray then ends this process without a word. Whoever needs
    Ray first may well be a short-lived task thread.
    """
    started: Future[object] = Future()

    def run() -> None:
        try:
            started.set_result(start())
        except BaseException as error:
            started.set_exception(error)
        threading.Event().wait()

    threading.Thread(target=run, name="ray-keeper", daemon=True).start()
    started.result()


def stop_ray() -> None:
    """Undo one `start_ray`; the last one disconnects, which also ends a local Ray that was started here."""
    global _OWNERS, _STARTED
    with _LOCK:
        _OWNERS -= 1
        if _OWNERS == 0 and _STARTED:
            importlib.import_module("ray").shutdown()
            _STARTED = False


def worker_environment(cpus: int = 1, gpus: float = 1.0) -> dict[str, Any]:
    """A worker imports the project from where it lies, and its libraries leave the other cores to its siblings.

    Ray sets aside CPUs, but holds nobody to them. The renderer's rays follow OMP_NUM_THREADS too (models/renderers/open3d_cpu.py). Nor does Ray hide
    GPUs from a worker that has none of them: all such workers would fill the first one.
    """
    hidden = {} if gpus else {"CUDA_VISIBLE_DEVICES": ""}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), str(cpus))
    return {"env_vars": threads | hidden | {"PYTHONPATH": _module_path()}}


def _module_path() -> str:
    return os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))


def _require_token() -> None:
    """Ray's ports listen on every interface: a local Ray takes orders only from holders of this user's token."""
    if "RAY_AUTH_MODE" in os.environ:
        return
    path = Path.home() / ".ray" / "auth_token"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)
