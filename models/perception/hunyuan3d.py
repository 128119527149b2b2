"""Hunyuan3D-2 as a mesh generator, through the HTTP interface of its released api_server.py.

`POST /generate` answers with the mesh file. `POST /send` answers with an id, and `GET /status/<id>` with `processing` or the file; the server
never says that such a job has failed, so only time tells. Errors come as 404 with an `error_code`, whatever the cause. As released (commit 9cc41a3)
`/generate` blocks the server's event loop: connections are taken at once and wait unread for their turn, all answers to `/status` too; whereas
every `/send` starts a thread, so that several meshes share the GPU. Both count against `timeout_s`.
"""

import base64
import json
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import requests
import urllib3

from data_specs.align_params import MeshParams
from models.diffusion.pictures import on_white
from models.image_codec import encode_png
from models.perception.base import Arrived, GeneratedMesh, Miss, Picture, Unavailable, unnoticed
from models.perception.blame import Blame, known_object
from models.perception.mesh_servers import MeshServers

CONNECT_TIMEOUT_S = 10.0
CHUNK_BYTES = 1 << 18
BUSY = frozenset({408, 425, 429, 502, 503, 504})
"""Answers of a server, or of what stands before it, that cannot take the request now."""

ADVICE = (
    "is `python api_server.py --enable_tex` running there, sound (its log says more), and quick enough for all who ask it (align.mesh.queue_limit)?"
)


class _Refused(Exception):  # noqa: N818
    """An attempt that gave no mesh. busy: another one makes sense, and no picture is to blame."""

    def __init__(self, rule: str, message: str, busy: bool = False) -> None:
        super().__init__(message)
        self.rule, self.busy = rule, busy


class Hunyuan3D:
    """`MeshGenerator` over HTTP. Only the addresses in the parameters are spoken to: no proxies, no redirects, no credentials.

    Raises ValueError for an address that is not plain http(s).
    """

    def __init__(self, params: MeshParams) -> None:
        for url in params.url:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
                raise ValueError(f"align.mesh.url={url!r} must look like http://host:port, without user, query or fragment")
        self.params, self._servers, self._blame = params, MeshServers(params.url), Blame()

    def generate(self, pictures: list[Picture], arrived: Arrived = unnoticed) -> list[GeneratedMesh | Miss]:
        """A GLB per picture, `queue_limit` requests at a time; a Miss of rule `mesh_server`, `mesh_timeout` or `mesh_answer` where there is none.

        Raises Unavailable when the servers cannot be reached, stay busy over all attempts, or give no mesh of a known object either.
        """

        def ask(place: int, picture: Picture) -> GeneratedMesh | Miss:
            made = self._generate(picture)
            if isinstance(made, GeneratedMesh):
                arrived(place, made)
            return made

        with ThreadPoolExecutor(self.params.queue_limit, thread_name_prefix="hunyuan3d") as threads:
            answers = list(threads.map(ask, range(len(pictures)), pictures))
        if self._blame.suspects([isinstance(answer, GeneratedMesh) for answer in answers]):
            self._check_servers()
        return answers

    def _check_servers(self) -> None:
        """Raise Unavailable when the servers give no mesh of a known object."""
        answer = self._generate(known_object().picture)
        if isinstance(answer, Miss):
            raise Unavailable(f"{', '.join(self.params.url)}: {answer.message}, not even for a known object; {ADVICE}")
        self._blame.clear()

    def _generate(self, picture: Picture) -> GeneratedMesh | Miss:
        body, deadline, tried = self._body(picture), time.monotonic() + self.params.timeout_s, list[str]()
        for attempt in range(self.params.attempts):
            with self._servers.one(tried) as url:
                tried.append(url)
                try:
                    return GeneratedMesh(check_glb(self._ask(url, body, deadline)), "hunyuan3d")
                except _Refused as error:
                    refused = error
            pause = self.params.first_pause_s * 2**attempt
            if refused.rule == "mesh_timeout" or attempt + 1 == self.params.attempts or time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
        if refused.busy:
            raise Unavailable(f"{', '.join(dict.fromkeys(tried))}: {refused}; {ADVICE}")
        return Miss(refused.rule, str(refused))

    def _body(self, picture: Picture) -> dict[str, Any]:
        """The request. The released server cuts out once more, from the colours alone: what alpha hides is white in them."""
        pixels = picture.rgb
        if picture.alpha is not None:
            pixels = np.dstack([on_white(np.dstack([picture.rgb, picture.alpha])), picture.alpha])
        settings = self.params.model_dump(include={"seed", "octree_resolution", "num_inference_steps", "guidance_scale", "texture", "face_count"})
        return {"image": base64.b64encode(encode_png(np.ascontiguousarray(pixels))).decode(), "type": "glb", **settings}

    def _ask(self, url: str, body: dict[str, Any], deadline: float) -> bytes:
        largest = self.params.max_mb << 20
        if self.params.route == "generate":
            return self._request("POST", f"{url}/generate", deadline, largest, body)
        job = _field(self._request("POST", f"{url}/send", deadline, 1 << 16, body), "uid")
        if not job.replace("-", "").isalnum():
            raise _Refused("mesh_answer", "the server's job id is not one")
        while time.monotonic() < deadline:
            answer = self._request("GET", f"{url}/status/{job}", deadline, largest * 4 // 3 + (1 << 16))
            if _field(answer, "status") == "completed":
                return _decoded(_field(answer, "model_base64"))
            time.sleep(self.params.poll_s)
        raise _Refused("mesh_timeout", self._too_slow())

    def _too_slow(self) -> str:
        return f"the server gave no mesh within {self.params.timeout_s:g} s (align.mesh.timeout_s)"

    def _request(self, method: str, address: str, deadline: float, largest: int, body: dict[str, Any] | None = None) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _Refused("mesh_timeout", self._too_slow())
        timeout = min(CONNECT_TIMEOUT_S, left), left
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxies, and nothing of what a .netrc file holds
                with session.request(method, address, json=body, stream=True, allow_redirects=False, timeout=timeout) as answer:
                    _check_willing(answer.status_code)
                    content = self._content(answer, deadline, largest)
                    if answer.status_code != 200:
                        raise _Refused("mesh_server", f"the server answers with status {answer.status_code} {_error_code(content)}")
                    return content
        except (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
            raise _Refused("mesh_timeout", self._too_slow()) from None
        except urllib3.exceptions.HTTPError:
            raise _Refused("mesh_answer", "the answer breaks off") from None
        except requests.RequestException as error:
            raise _Refused("mesh_server", f"no answer ({type(error).__name__})", busy=not _listens(address)) from None

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


def _listens(address: str) -> bool:
    """Whether the server takes connections: one that does, and yet hangs up, may have stumbled over the picture."""
    parts = urlsplit(address)
    try:
        with socket.create_connection((str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)), CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False


def _check_willing(status: int) -> None:
    if status in BUSY:
        raise _Refused("mesh_server", f"it answers with status {status}", busy=True)
    if 300 <= status < 400:
        raise _Refused("mesh_server", f"it redirects with status {status}, which is not followed", busy=True)


def _error_code(content: bytes) -> str:
    """What api_server.py says besides the status when it stumbles; an answer without it comes from something else, or of a wrong address."""
    try:
        return f"and error_code {int(json.loads(content)['error_code'])}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "and no error_code"


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
