"""A local server that speaks the protocol of Hunyuan3D-2's released api_server.py, and misbehaves when told to."""

import base64
import io
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image


@dataclass
class MeshServer:
    """What the server does and has seen.

    plan: behaviour of each request in turn, the last one for all further ones: `good`, `error` (404 with a code), `crash` (500), `busy` (503),
    `slow`, `trickle`, `truncated`, `short` (a GLB that breaks off), `html`, `huge`, `redirect`, `hang_up`, `never` (a job that never ends).
    """

    glb: bytes
    plan: list[str] = field(default_factory=lambda: ["good"])
    delay_s: float = 0.0
    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    jobs: dict[str, tuple[float, str]] = field(default_factory=dict)
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def behaviour(self) -> str:
        """What to do with the next request."""
        return self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]


@contextmanager
def serve(server: MeshServer) -> Iterator[MeshServer]:
    """Run a server on a free port of this machine while the block lasts."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"mesh_server": server}))
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    mesh_server: MeshServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def do_POST(self) -> None:
        server = self.mesh_server
        if self.path not in ("/generate", "/send"):
            self._json({"detail": "Not Found"}, 404)
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with Image.open(io.BytesIO(base64.b64decode(body["image"]))) as image:
            body["image"] = image.copy()
        with server.lock:
            server.seen.append(body)
            server.headers.append(dict(self.headers))
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
            behaviour = server.behaviour()
        time.sleep(server.delay_s)
        if self.path == "/send" and behaviour in ("good", "never", "truncated"):
            job = str(uuid.uuid4())
            server.jobs[job] = (time.monotonic() + 0.1, behaviour)
            self._json({"uid": job})
            return  # the job is under way until its mesh has been fetched
        with server.lock:
            server.under_way -= 1
        self._misbehave(behaviour)

    def do_GET(self) -> None:
        ready, behaviour = self.mesh_server.jobs[self.path.removeprefix("/status/")]
        if behaviour == "never" or time.monotonic() < ready:
            self._json({"status": "processing"})
            return
        with self.mesh_server.lock:
            self.mesh_server.under_way -= 1
        glb = self.mesh_server.glb if behaviour == "good" else self.mesh_server.glb[:-7]
        self._json({"status": "completed", "model_base64": base64.b64encode(glb).decode()})

    def _misbehave(self, behaviour: str) -> None:
        glb = self.mesh_server.glb
        if behaviour == "slow":
            time.sleep(1.5)
        if behaviour == "error":
            self._json({"text": "**NETWORK ERROR DUE TO HIGH TRAFFIC.**", "error_code": 1}, 404)
        elif behaviour in ("crash", "busy"):
            self._json({"detail": behaviour}, 500 if behaviour == "crash" else 503)
        elif behaviour == "html":
            self._bytes(b"<html>a proxy's login page</html>" * 9)
        elif behaviour == "huge":
            self._bytes(glb[:20] + b"\0" * (3 << 20))
        elif behaviour == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif behaviour == "hang_up":
            self.close_connection = True
        elif behaviour in ("truncated", "trickle"):
            self._in_pieces(glb, behaviour == "trickle")
        else:
            self._bytes(glb[:-7] if behaviour == "short" else glb)

    def _in_pieces(self, glb: bytes, slowly: bool) -> None:
        """Promise the whole file and send half of it, or all of it too slowly."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(glb)))
        self.end_headers()
        self.close_connection = True
        try:
            for start in range(0, len(glb) if slowly else len(glb) // 2, 16):
                self.wfile.write(glb[start : start + 16])
                self.wfile.flush()
                time.sleep(0.1 if slowly else 0.0)
        except OSError:
            pass  # the client has had enough

    def _json(self, body: dict[str, Any], status: int = 200) -> None:
        self._bytes(json.dumps(body).encode(), status)

    def _bytes(self, data: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
