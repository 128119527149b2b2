"""Downloads against a server on loopback that breaks off, stalls, redirects and lies."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from data_specs.ids import sha256_bytes
from models.geometry.mesh_error import MeshError
from tasks.assets import download, public_network
from tasks.assets.download import Fetch, fetch
from tasks.assets.public_network import check_public

CONTENT = bytes(range(256)) * 4096
DIGEST = sha256_bytes(CONTENT)


class Server(ThreadingHTTPServer):
    """Serves CONTENT at every path; what else happens is written in the path's first word."""

    seen: list[tuple[str, str | None]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        kind = self.path.strip("/").split("/")[0]
        asked = self.headers.get("Range")
        first = all(path != self.path for path, _ in self.server.seen)
        self.server.seen.append((self.path, asked))
        if kind == "file-redirect":
            return self.answer(302, b"", Location="file:///etc/passwd")
        if kind == "away":
            place = unquote(self.path).split("/")[2].replace("PORT", str(self.server.server_port))
            return self.answer(302, b"", Location=f"http://{place}/plain/x.glb")
        if kind == "redirect":
            return self.answer(302, b"", Location="/plain/x.glb")
        if kind == "loop":
            return self.answer(302, b"", Location="/loop/x.glb")
        if kind == "gone" or (kind == "busy" and first):
            return self.answer(404 if kind == "gone" else 503, b"")
        start = int(asked.split("=")[1].rstrip("-")) if asked and kind != "no-range" else 0
        body = (b"x" * len(CONTENT) if kind == "other" else CONTENT)[start:]
        if start >= len(CONTENT):
            return self.answer(416, b"")
        status, extra = (206, {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}) if start else (200, {})
        sent = body[: len(body) // 2] if kind in ("breaks", "no-range") and first else body
        self.answer(status, sent, length=len(body), **extra)

    def answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body) if length is None else length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "FIRST_PAUSE_S", 0.01)
    server = Server(("127.0.0.1", 0), Handler)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def wanted(server: Server, kind: str, digest: str = DIGEST, max_bytes: int = 10 << 20, timeout_s: float = 20.0) -> Fetch:
    return Fetch(f"http://127.0.0.1:{server.server_port}/{kind}/x.glb", digest, max_bytes, timeout_s, ("127.0.0.1",))


@pytest.mark.parametrize(
    ("kind", "ranges"),
    [
        ("plain", [None]),
        ("breaks", [None, f"bytes={len(CONTENT) // 2}-"]),
        ("no-range", [None, f"bytes={len(CONTENT) // 2}-"]),
        ("busy", [None, None]),
        ("redirect", [None, None]),
    ],
)
def test_the_file_arrives(server: Server, tmp_path: Path, kind: str, ranges: list[str | None]) -> None:
    path = fetch(wanted(server, kind), tmp_path / "a" / "mesh.glb")
    assert path.read_bytes() == CONTENT
    assert [asked for _, asked in server.seen] == ranges
    assert fetch(wanted(server, kind), path) == path and len(server.seen) == len(ranges)  # no second request
    assert [entry.name for entry in path.parent.iterdir()] == ["mesh.glb"]


def test_a_partial_file_of_an_earlier_run_is_continued(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mesh.glb.part").write_bytes(CONTENT[:1000])
    assert fetch(wanted(server, "plain"), tmp_path / "mesh.glb").read_bytes() == CONTENT
    assert server.seen == [("/plain/x.glb", "bytes=1000-")]


@pytest.mark.parametrize("rest", [b"y" * 1000, CONTENT + b"y"])
def test_a_partial_file_of_something_else_is_replaced(server: Server, tmp_path: Path, rest: bytes) -> None:
    (tmp_path / "mesh.glb.part").write_bytes(rest)
    assert fetch(wanted(server, "plain"), tmp_path / "mesh.glb").read_bytes() == CONTENT
    assert len(server.seen) == 2


@pytest.mark.parametrize(("rule", "kind"), [("sha256", "other"), ("download", "gone"), ("unsafe_uri", "file-redirect"), ("download", "loop")])
def test_refusals_leave_no_file(server: Server, tmp_path: Path, rule: str, kind: str) -> None:
    with pytest.raises(MeshError) as caught:
        fetch(wanted(server, kind), tmp_path / "mesh.glb")
    assert caught.value.rule == rule
    assert not (tmp_path / "mesh.glb").exists()


@pytest.mark.parametrize("place", ["localhost:PORT", "127.0.0.2:PORT", "10.0.0.1", "169.254.169.254", "[::1]:PORT", "127.0.0.1:PORT@127.0.0.2:PORT"])
def test_an_allowed_host_redirects_to_no_other_private_one(server: Server, tmp_path: Path, place: str) -> None:
    with pytest.raises(MeshError, match=r"not a public address.*private_hosts") as caught:
        fetch(wanted(server, f"away/{place}"), tmp_path / "mesh.glb")
    assert caught.value.rule == "unsafe_uri" and len(server.seen) == 1


def test_an_allowed_host_redirects_to_another_allowed_one(server: Server, tmp_path: Path) -> None:
    both = replace(wanted(server, "away/localhost:PORT"), private_hosts=("LocalHost", "127.0.0.1"))
    assert fetch(both, tmp_path / "mesh.glb").read_bytes() == CONTENT


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_private_addresses_of_the_list_need_permission(server: Server, tmp_path: Path, host: str) -> None:
    url = f"http://{host}:{server.server_port}/plain/x.glb"
    for allowed in ((), ("elsewhere.example",)):
        with pytest.raises(MeshError, match="not a public address"):
            fetch(replace(wanted(server, "plain"), url=url, private_hosts=allowed), tmp_path / "mesh.glb")
    assert not server.seen


def test_a_public_address_does_not_redirect_into_the_network(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stands for a public one: its own connections count as public, whatever is allowed."""
    judged: list[str] = []

    def first_is_public(address: str, host: str) -> None:
        judged.append(host)
        if host != "public.example":
            check_public(address, host)

    monkeypatch.setattr(public_network, "check_public", first_is_public)
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest: resolve("127.0.0.1" if host == "public.example" else host, *rest))
    url = f"http://public.example:{server.server_port}/away/127.0.0.1:PORT/x.glb"
    with pytest.raises(MeshError, match=r"127\.0\.0\.1 is at"):
        fetch(replace(wanted(server, "plain"), url=url), tmp_path / "mesh.glb")
    assert judged == ["public.example", "127.0.0.1"] and len(server.seen) == 1


PRIVATE = ["192.168.1.1", "172.16.0.1", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "fe80::1%eth0", "fd00::1", "::1", "::ffff:10.0.0.1"]


def test_what_is_public() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1::1"):
        check_public(address, "host")
    for address in PRIVATE:
        with pytest.raises(MeshError):
            check_public(address, "host")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/a.glb", "/etc/passwd", ""])
def test_only_http(tmp_path: Path, url: str) -> None:
    with pytest.raises(MeshError) as caught:
        fetch(Fetch(url, DIGEST, 1, 1.0), tmp_path / "a.glb")
    assert caught.value.rule == "unsafe_uri"


def test_size_cap_digest_and_time(server: Server, tmp_path: Path) -> None:
    for rule, fetched in (
        ("file_too_large", wanted(server, "plain", max_bytes=1 << 19)),
        ("sha256", wanted(server, "plain", digest="")),
        ("download", wanted(server, "plain", timeout_s=0.0)),
    ):
        with pytest.raises(MeshError) as caught:
            fetch(fetched, tmp_path / "mesh.glb")
        assert caught.value.rule == rule


def test_two_workers_ask_for_one_file(server: Server, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetch, args=(wanted(server, "plain"), tmp_path / "mesh.glb")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "mesh.glb").read_bytes() == CONTENT and len(server.seen) == 1
