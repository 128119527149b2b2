"""Fetch a file over HTTP(S): resumed where an earlier attempt stopped, checked by size and sha256, bounded in time."""

import contextlib
import fcntl
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests

from models.geometry.mesh_error import MeshError
from tasks.assets.public_network import PublicNetwork

CHUNK_BYTES = 1 << 18
CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S = 10.0, 30.0
MAX_REDIRECTS, ATTEMPTS, FIRST_PAUSE_S = 5, 5, 0.5
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which another attempt makes sense."""


@dataclass(frozen=True)
class Fetch:
    """What to fetch, and the bounds: bytes of the file, seconds over all attempts.

    private_hosts: hosts that may be at private, loopback or link-local addresses.
    """

    url: str
    sha256: str
    max_bytes: int
    timeout_s: float
    private_hosts: tuple[str, ...] = ()

    @property
    def open_hosts(self) -> frozenset[str]:
        """The private hosts, when the file's own address names one of them; a public address must not redirect there."""
        hosts = frozenset(host.lower() for host in self.private_hosts)
        return hosts if urlsplit(self.url).hostname in hosts else frozenset()


def fetch(wanted: Fetch, path: Path) -> Path:
    """Bring a file to `path` unless it is there already; a file stands at `path` only after its sha256 was checked.

    Two processes may ask for the same file: the second waits. Raises MeshError: `unsafe_uri`, `sha256`, `file_too_large`, `download`.
    """
    if not wanted.url.lower().startswith(("http://", "https://")):
        raise MeshError("unsafe_uri", f"{wanted.url[:200]!r} is not an http(s) address")
    if len(wanted.sha256) != 64:
        raise MeshError("sha256", f"the list gives no sha256 for {wanted.url[:200]!r}: files from the network are not used unchecked")
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(path.name + ".part")) as part:
        if not path.exists():
            _fetch_all(wanted, part)
            Path(part.name).replace(path)
    return path


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    with path.open("ab+") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        yield part


def _fetch_all(wanted: Fetch, part: BinaryIO) -> None:
    deadline = time.monotonic() + wanted.timeout_s
    for attempt in range(ATTEMPTS):
        try:
            _continue(wanted, part, deadline)
            if _digest(part) == wanted.sha256:
                return
            part.truncate(0)
            problem = MeshError("sha256", f"{wanted.url[:200]!r} is not the file of the list: its sha256 differs from {wanted.sha256}")
        except requests.exceptions.InvalidSchema as error:
            raise MeshError("unsafe_uri", f"{wanted.url[:200]!r} redirects away from http(s): {error}") from None
        except requests.RequestException as error:
            problem = MeshError("download", f"{wanted.url[:200]!r}: {type(error).__name__} after {attempt + 1} attempts")
        pause = FIRST_PAUSE_S * 2**attempt
        if (problem.rule == "sha256" and attempt > 0) or time.monotonic() + pause > deadline:
            raise problem
        time.sleep(pause)
    raise problem


def _continue(wanted: Fetch, part: BinaryIO, deadline: float) -> None:
    start = part.seek(0, 2)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with _session(wanted) as session, session.get(wanted.url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S)) as answer:
        if answer.status_code == 416:  # nothing beyond what is there: complete, or another file than before; the digest decides
            return
        _check_status(wanted, answer)
        if answer.status_code != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            part.truncate(0)
            start = 0
        _check_size(wanted, start + int(answer.headers.get("Content-Length", 0)))
        for chunk in answer.iter_content(CHUNK_BYTES):
            start += len(chunk)
            _check_size(wanted, start)
            part.write(chunk)
            if time.monotonic() > deadline:
                raise MeshError(
                    "download",
                    f"{wanted.url[:200]!r} takes longer than {wanted.timeout_s:g} s (assets.download_timeout_s); a rerun goes on from here",
                )
        part.flush()


def _session(wanted: Fetch) -> requests.Session:
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, PublicNetwork(wanted.open_hosts))
    session.max_redirects = MAX_REDIRECTS
    session.auth = lambda request: request  # keeps requests from sending what a .netrc file holds
    return session


def _check_status(wanted: Fetch, answer: requests.Response) -> None:
    if answer.status_code in _PASSING_STATUS:
        raise requests.RequestException(f"status {answer.status_code}")
    if not 200 <= answer.status_code < 300:
        raise MeshError("download", f"{wanted.url[:200]!r} answers with status {answer.status_code}")


def _check_size(wanted: Fetch, size: int) -> None:
    if size > wanted.max_bytes:
        raise MeshError("file_too_large", f"{wanted.url[:200]!r} has more than {wanted.max_bytes >> 20} MB (assets.max_file_mb)")


def _digest(part: BinaryIO) -> str:
    part.flush()
    part.seek(0)
    return hashlib.file_digest(part, "sha256").hexdigest()  # type: ignore[arg-type]
