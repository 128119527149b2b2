"""Hunyuan3D-2 as a mesh generator, through the HTTP interface of its released api_server.py.

`POST /generate` answers with the mesh file. `POST /send` answers with an id, and `GET /status/<id>` with `processing` or the file; the server
never says that such a job has failed, so only time tells. Errors come as 404 with an `error_code`, whatever the cause.
"""

import base64
import json
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import requests
import urllib3

from data_specs.align_params import MeshParams
from models.diffusion.pictures import on_white
from models.image_codec import encode_png
from models.perception.base import Arrived, GeneratedMesh, Miss, Picture, unnoticed

CONNECT_TIMEOUT_S = 10.0
CHUNK_BYTES = 1 << 18
BUSY = frozenset({408, 425, 429, 502, 503, 504})
"""Answers of a server, or of what stands before it, that cannot take the request now."""


class ServerUnavailable(RuntimeError):  # noqa: N818 - it says what is the matter
    """The server cannot be reached or takes no work: no picture is to blame, and the stage must not go on dropping them."""


class _Refused(Exception):  # noqa: N818
    """An attempt that gave no mesh. busy: another one makes sense, and no picture is to blame."""

    def __init__(self, rule: str, message: str, busy: bool = False) -> None:
        super().__init__(message)
        self.rule, self.busy = rule, busy


@dataclass(frozen=True)
class Hunyuan3D:
    """`MeshGenerator` over HTTP. Only the address in the parameters is spoken to: no proxies, no redirects, no credentials.

    Raises ValueError for an address that is not plain http(s).
    """

    params: MeshParams

    def __post_init__(self) -> None:
        parts = urlsplit(self.params.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError(f"align.mesh.url={self.params.url!r} must look like http://host:port, without user, query or fragment")

    def generate(self, pictures: list[Picture], arrived: Arrived = unnoticed) -> list[GeneratedMesh | Miss]:
        """A GLB per picture, `queue_limit` requests at a time; a Miss of rule `mesh_server`, `mesh_timeout` or `mesh_answer` where there is none.

        Raises ServerUnavailable when the server cannot be reached or stays busy over all attempts.
        """

        def ask(place: int, picture: Picture) -> GeneratedMesh | Miss:
            made = self._generate(picture)
            if isinstance(made, GeneratedMesh):
                arrived(place, made)
            return made

        with ThreadPoolExecutor(self.params.queue_limit, thread_name_prefix="hunyuan3d") as threads:
            return list(threads.map(ask, range(len(pictures)), pictures))

    def _generate(self, picture: Picture) -> GeneratedMesh | Miss:
        body, deadline = self._body(picture), time.monotonic() + self.params.timeout_s
        for attempt in range(self.params.attempts):
            try:
                return GeneratedMesh(check_glb(self._ask(body, deadline)), "hunyuan3d")
            except _Refused as error:
                refused = error
            pause = self.params.first_pause_s * 2**attempt
            if refused.rule == "mesh_timeout" or attempt + 1 == self.params.attempts or time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
        if refused.busy:
            raise ServerUnavailable(f"{self.params.url}: {refused}; is `python api_server.py --enable_tex` running there?")
        return Miss(refused.rule, str(refused))

    def _body(self, picture: Picture) -> dict[str, Any]:
        """The request. The released server cuts out once more, from the colours alone: what alpha hides is white in them."""
        pixels = picture.rgb
        if picture.alpha is not None:
            pixels = np.dstack([on_white(np.dstack([picture.rgb, picture.alpha])), picture.alpha])
        settings = self.params.model_dump(include={"seed", "octree_resolution", "num_inference_steps", "guidance_scale", "texture", "face_count"})
        return {"image": base64.b64encode(encode_png(np.ascontiguousarray(pixels))).decode(), "type": "glb", **settings}

    def _ask(self, body: dict[str, Any], deadline: float) -> bytes:
        largest = self.params.max_mb << 20
        if self.params.route == "generate":
            return self._request("POST", "generate", deadline, largest, body)
        job = _field(self._request("POST", "send", deadline, 1 << 16, body), "uid")
        if not job.replace("-", "").isalnum():
            raise _Refused("mesh_answer", "the server's job id is not one")
        while time.monotonic() < deadline:
            answer = self._request("GET", f"status/{job}", deadline, largest * 4 // 3 + (1 << 16))
            if _field(answer, "status") == "completed":
                return _decoded(_field(answer, "model_base64"))
            time.sleep(self.params.poll_s)
        raise _Refused("mesh_timeout", self._too_slow())

    def _too_slow(self) -> str:
        return f"the server gave no mesh within {self.params.timeout_s:g} s (align.mesh.timeout_s)"

    def _request(self, method: str, route: str, deadline: float, largest: int, body: dict[str, Any] | None = None) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _Refused("mesh_timeout", self._too_slow())
        address, timeout = f"{self.params.url.rstrip('/')}/{route}", (min(CONNECT_TIMEOUT_S, left), left)
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxies, and nothing of what a .netrc file holds
                with session.request(method, address, json=body, stream=True, allow_redirects=False, timeout=timeout) as answer:
                    _check_status(answer)
                    return self._content(answer, deadline, largest)
        except (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
            raise _Refused("mesh_timeout", self._too_slow()) from None
        except urllib3.exceptions.HTTPError:
            raise _Refused("mesh_answer", "the answer breaks off") from None
        except requests.RequestException as error:
            raise _Refused("mesh_server", f"no answer ({type(error).__name__})", busy=not self._listens()) from None

    def _listens(self) -> bool:
        """Whether the server takes connections: one that does, and yet hangs up, may have stumbled over the picture."""
        parts = urlsplit(self.params.url)
        try:
            with socket.create_connection((str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)), CONNECT_TIMEOUT_S):
                return True
        except OSError:
            return False

    def _content(self, answer: requests.Response, deadline: float, largest: int) -> bytes:
        """The whole body; `read1` returns what has come in, so that an answer that trickles cannot outlast the deadline."""
        parts, size = [], 0
        while chunk := answer.raw.read1(CHUNK_BYTES, decode_content=True):
            parts.append(chunk)
            size += len(chunk)
            if size > largest:
                raise _Refused("mesh_answer", f"the answer has more than {largest >> 20} MB (align.mesh.max_mb)")
            if time.monotonic() > deadline:
                raise _Refused("mesh_timeout", self._too_slow())
        return b"".join(parts)


def check_glb(data: bytes) -> bytes:
    """Return binary glTF 2.0 whose length is the one it states; anything else is refused. What is in it is for the mesh reader to judge."""
    if len(data) < 20 or data[:4] != b"glTF":
        raise _Refused("mesh_answer", f"the answer ({len(data)} bytes) is not a GLB file")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2 or length != len(data):
        raise _Refused("mesh_answer", f"the GLB of version {version} says {length} bytes and has {len(data)}")
    return data


def _check_status(answer: requests.Response) -> None:
    status = answer.status_code
    if status in BUSY:
        raise _Refused("mesh_server", f"it answers with status {status}", busy=True)
    if 300 <= status < 400:
        raise _Refused("mesh_server", f"it redirects with status {status}, which is not followed", busy=True)
    if status != 200:
        raise _Refused("mesh_server", f"the server answers with status {status}")


def _field(answer: bytes, name: str) -> str:
    try:
        return str(json.loads(answer)[name])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _Refused("mesh_answer", f"the answer is not JSON with a field {name!r}") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise _Refused("mesh_answer", "the mesh is not base64") from None
