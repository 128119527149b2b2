"""Read a stranger's mesh file in a child process with limits on memory, processor time and wall time; the child is reused while it behaves."""

import atexit
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from data_specs.asset import Front, UpAxis
from models.geometry.mesh_error import MeshError
from tasks.child_process import bare_environment

START_TIMEOUT_S = 120.0
FILES_PER_CHILD = 500
"""After so many files a child is replaced, whatever its libraries may have leaked."""


@dataclass(frozen=True)
class ReadRequest:
    """One file to read.

    root: absolute folder; name: relative path of the file in it. sha256: of the file, "" = unchecked.
    """

    root: str
    name: str
    sha256: str = ""
    up_axis: UpAxis = "y"
    front: Front = "+z"
    max_faces: int = 2_000_000
    max_texture_pixels: int = 2048
    max_file_bytes: int = 500 << 20


@dataclass(frozen=True)
class CleanFile:
    """What came back: the clean mesh as GLB bytes (canonical object frame) and what was measured on it."""

    glb: bytes
    scale: float
    offset: tuple[float, float, float]
    faces: int
    vertices: int
    materials: int
    textures: int
    warnings: list[str]


class Sandbox:
    """One warm child. Not thread-safe: `read_in_sandbox` hands each caller its own."""

    def __init__(self, memory_mb: int) -> None:
        self.memory_mb, self.files = memory_mb, 0
        self._child: subprocess.Popen[bytes] | None = None

    def read(self, request: ReadRequest, timeout_s: float) -> CleanFile:
        """Read one file. Raises MeshError; rules of the sandbox itself: `timeout`, `worker_died`, `memory`."""
        child = self._running()
        self.files += 1
        try:
            _send(child, asdict(request) | {"timeout_s": timeout_s})
            head, body = _receive(child, timeout_s)
        except BaseException:  # also an alarm of the caller: an answer that nobody waited for must not meet the next question
            self.close()
            raise
        if head.get("rule") == "memory" or self.files >= FILES_PER_CHILD:
            self.close()
        if "rule" in head:
            raise MeshError(head["rule"], head["message"])
        fields = {key: head[key] for key in ("scale", "faces", "vertices", "materials", "textures", "warnings")}
        return CleanFile(glb=body, offset=tuple(head["offset"]), **fields)

    def close(self) -> None:
        """End the child, whatever it is doing."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    pipe.close()
        self._child, self.files = None, 0

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._child is None:
            self._child = _start(self.memory_mb << 20)
        return self._child


_idle: list[Sandbox] = []
_lock = threading.Lock()


def read_in_sandbox(request: ReadRequest, memory_mb: int, timeout_s: float) -> CleanFile:
    """Read one file in a warm child of this process, started when none is idle. Raises MeshError."""
    with _lock:
        fitting = next((place for place, sandbox in enumerate(_idle) if sandbox.memory_mb == memory_mb), None)
        sandbox = Sandbox(memory_mb) if fitting is None else _idle.pop(fitting)
    try:
        return sandbox.read(request, timeout_s)
    finally:
        with _lock:
            _idle.append(sandbox)


@atexit.register
def close_sandboxes() -> None:
    """End all idle children of this process."""
    with _lock:
        while _idle:
            _idle.pop().close()


def _start(memory_bytes: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tasks.sandbox_worker", str(memory_bytes)]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere, env=bare_environment(), bufsize=0, start_new_session=True)
    try:
        _receive(child, START_TIMEOUT_S)
    except MeshError as error:
        child.kill()
        child.wait()
        limit = f"assets.memory_mb = {memory_bytes >> 20}"
        raise RuntimeError(f"the process that reads meshes does not start ({error}); is {limit} too little? Try: {' '.join(command)}") from None
    return child


def _send(child: subprocess.Popen[bytes], request: dict[str, Any]) -> None:
    assert child.stdin is not None
    text = json.dumps(request).encode()
    try:
        child.stdin.write(struct.pack("<I", len(text)) + text)
    except OSError as error:
        raise MeshError("worker_died", f"the reading process is gone ({error.strerror})") from None


def _receive(child: subprocess.Popen[bytes], timeout_s: float) -> tuple[dict[str, Any], bytes]:
    deadline = time.monotonic() + timeout_s
    head = json.loads(_exactly(child, struct.unpack("<I", _exactly(child, 4, deadline, timeout_s))[0], deadline, timeout_s))
    return head, _exactly(child, int(head["size"]), deadline, timeout_s)


def _exactly(child: subprocess.Popen[bytes], size: int, deadline: float, timeout_s: float) -> bytes:
    assert child.stdout is not None
    parts = bytearray()
    while len(parts) < size:
        ready, _, _ = select.select([child.stdout], [], [], max(deadline - time.monotonic(), 0.0))
        if not ready:
            raise MeshError("timeout", f"reading it takes longer than {timeout_s:g} s (assets.timeout_s)")
        part = os.read(child.stdout.fileno(), min(size - len(parts), 1 << 20))
        if not part:
            raise MeshError(*_death(child.wait(), timeout_s))
        parts += part
    return bytes(parts)


def _death(code: int, timeout_s: float) -> tuple[str, str]:
    if -code == 24:  # SIGXCPU
        return "timeout", f"reading it takes more than {timeout_s:g} s of processor time (assets.timeout_s)"
    return "worker_died", f"the process that read it ended with {'signal' if code < 0 else 'status'} {abs(code)}"
