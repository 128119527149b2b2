"""Base models by reference: shipped, in a folder, and on a hub, which is a small server here that speaks as Hugging Face does."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import huggingface_hub.constants
import huggingface_hub.file_download
import huggingface_hub.hf_api
import pytest

import tasks.weights
from data_specs.weights import load_lock, parse_reference
from tasks.artefacts import Workspace
from tasks.local_folder import FileDigests
from tasks.weights import Weights, find_model, find_weights, lock_weights

REVISION = "0123456789abcdef0123456789abcdef01234567"
NAME = "someone/base"
FILES = {
    "model_index.json": json.dumps({"_class_name": "PixArtSigmaPipeline", "vae": ["diffusers", "AutoencoderKL"], "safety": [None, None]}).encode(),
    "vae/config.json": b'{"latent_channels": 4}',
    "vae/diffusion_pytorch_model.safetensors": b"many weights" * 100,
    "vae/diffusion_pytorch_model.fp16.safetensors": b"half of them",
    "vae/diffusion_pytorch_model.bin": b"a pickle",
    "vae/evil.py": b"print('run me')",
    "whole_model.safetensors": b"all in one",
    "README.md": b"# Base",
}
WANTED = {"model_index.json", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"}
LOCK = "someone/base:\n  licence: Some Licence\n  licence_url: https://example.org/licence\n  gigabytes: 1.5\n  revision: unlocked\n"


class Hub(BaseHTTPRequestHandler):
    """The part of the hub's interface that fetching a model needs."""

    files: ClassVar[dict[str, bytes]] = dict(FILES)
    asked: ClassVar[list[str]] = []
    gated = False

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/api/models/"):
            self._send(200, json.dumps(self._info()).encode(), {"Content-Type": "application/json"})
        else:
            self._answer(body=True)

    def _info(self) -> dict[str, Any]:
        siblings: list[dict[str, Any]] = []
        for name, data in self.files.items():
            large = {"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 1}} if "safetensors" in name else {}
            siblings.append({"rfilename": name, "size": len(data), "blobId": hashlib.sha1(data).hexdigest(), **large})
        card = {"license": "other", "license_name": "some-terms", "license_link": "https://example.org/terms"}
        return {"id": NAME, "sha": REVISION, "siblings": siblings, "gated": "manual" if self.gated else False, "cardData": card, "tags": []}

    def _answer(self, body: bool) -> None:
        if self.gated and self.headers.get("Authorization") != "Bearer secret":
            return self._send(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        data = self.files.get(self.path.removeprefix(f"/{NAME}/resolve/{REVISION}/"))
        if data is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        return self._send(200, data, {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": REVISION}, body)

    def _send(self, status: int, data: bytes, headers: dict[str, str], body: bool = True) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(huggingface_hub.file_download, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    Hub.files, Hub.gated = dict(FILES), False
    Hub.asked.clear()
    yield Hub
    server.shutdown()
    server.server_close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "weights.yaml"
    path.write_text(LOCK)
    return path


def of(text: str) -> Any:
    return parse_reference(text)


def found(tmp_path: Path, text: str, **how: Any) -> Any:
    return find_weights(Workspace(tmp_path, "tiny"), of(text), **how)


def test_locking_asks_for_small_files_only_and_keeps_what_was_known(hub: type[Hub], lock: Path) -> None:
    model = lock_weights(of(f"hub:{NAME}@main"), lock)
    assert load_lock(lock) == {NAME: model}
    assert model.revision == REVISION and set(model.files) == WANTED and model.licence == "Some Licence"
    assert {name: (file.sha256, file.size) for name, file in model.files.items()} == {
        name: (hashlib.sha256(FILES[name]).hexdigest(), len(FILES[name])) for name in WANTED
    }
    assert not [path for path in hub.asked if path.endswith("safetensors")]


def test_a_single_model_of_transformers_is_locked_and_found_too(hub: type[Hub], lock: Path, tmp_path: Path) -> None:
    Hub.files = {
        "config.json": b'{"model_type": "clip"}',
        "model.safetensors": b"weights" * 100,
        "model.fp16.safetensors": b"half of them",
        "pytorch_model.bin": b"a pickle",
        "merges.txt": b"#version",
        "onnx/model.json": b"{}",
        "README.md": b"# CLIP",
    }
    wanted = {"config.json", "model.safetensors", "merges.txt"}
    assert set(lock_weights(of(f"hub:{NAME}"), lock).files) == wanted
    weights = found(tmp_path, f"hub:{NAME}", lock=lock)
    assert {path.name for path in weights.folder.iterdir()} == wanted
    del Hub.files["model.safetensors"]
    with pytest.raises(ValueError, match="no weights as safetensors"):
        lock_weights(of(f"hub:{NAME}"), lock)


def test_a_part_of_a_pipeline_is_not_locked_as_a_model(hub: type[Hub], lock: Path) -> None:
    Hub.files = {"config.json": b'{"_class_name": "PixArtTransformer2DModel"}', "model.safetensors": b"weights"}
    with pytest.raises(ValueError, match="not a whole diffusers pipeline"):
        lock_weights(of(f"hub:{NAME}"), lock)


def test_an_unknown_model_is_described_as_the_hub_does(hub: type[Hub], lock: Path) -> None:
    lock.write_text("")
    model = lock_weights(of(f"hub:{NAME}"), lock)
    assert (model.licence, model.licence_url, model.gated) == ("some-terms", "https://example.org/terms", False)


def test_a_locked_model_is_fetched_once_checked_and_has_the_same_digest_everywhere(hub: type[Hub], lock: Path, tmp_path: Path) -> None:
    lock_weights(of(f"hub:{NAME}"), lock)
    first = found(tmp_path, f"hub:{NAME}@{REVISION}", lock=lock)
    have = {path.relative_to(first.folder).as_posix() for path in first.folder.rglob("*") if path.is_file()}
    assert have == WANTED
    hub.asked.clear()
    assert found(tmp_path, f"hub:{NAME}", lock=lock) == first and not hub.asked
    shutil.copytree(first.folder, tmp_path / "copy")
    assert found(tmp_path, "path:copy").digest == first.digest


def test_what_is_missing_is_said_before_anything_is_fetched(hub: type[Hub], lock: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"not locked.*weights lock hub:{NAME}@main.*1\.5 GB, licence Some Licence \(https://example.org/licence\)"):
        found(tmp_path, f"hub:{NAME}", lock=lock, fetch=False)
    lock_weights(of(f"hub:{NAME}"), lock)
    hub.asked.clear()
    with pytest.raises(ValueError, match=rf"is not here: 1 of 3 files.*vae/diffusion.*weights fetch hub:{NAME}.*licence Some Licence"):
        found(tmp_path, f"hub:{NAME}", lock=lock, fetch=False)
    assert not hub.asked
    with pytest.raises(ValueError, match=r"other/base is not locked.*https://huggingface.co/other/base"):
        found(tmp_path, "hub:other/base", lock=lock)


def test_other_bytes_than_the_locked_ones_are_refused(hub: type[Hub], lock: Path, tmp_path: Path) -> None:
    lock_weights(of(f"hub:{NAME}"), lock)
    hub.files["vae/diffusion_pytorch_model.safetensors"] = b"other weights" * 100
    with pytest.raises(ValueError, match=r"safetensors is not the file that .* has locked"):
        found(tmp_path, f"hub:{NAME}", lock=lock)


def test_a_file_is_read_once_as_long_as_it_does_not_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "own" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"first")
    os.utime(weights, ns=(0, 10**18))
    first = found(tmp_path, "path:own").digest
    read: list[Path] = []
    digest = FileDigests.digest
    monkeypatch.setattr(FileDigests, "digest", staticmethod(lambda path: read.append(path) or digest(path)))
    assert found(tmp_path, "path:own").digest == first and read == []
    weights.write_bytes(b"other")
    os.utime(weights, ns=(0, 10**18))
    assert found(tmp_path, "path:own").digest == first, "same size, same time: as git would see it"
    assert found(tmp_path, "path:own", again=True).digest != first and read == [weights], "`weights fetch` reads everything"
    os.utime(weights, ns=(0, 10**18 + 1))
    assert found(tmp_path, "path:own").digest != first and len(read) == 2


def test_revisions_are_those_of_the_lock(hub: type[Hub], lock: Path, tmp_path: Path) -> None:
    lock_weights(of(f"hub:{NAME}"), lock)
    with pytest.raises(ValueError, match="40 hex digits"):
        found(tmp_path, f"hub:{NAME}@main", lock=lock)
    with pytest.raises(ValueError, match=f"not the locked revision {REVISION}"):
        found(tmp_path, f"hub:{NAME}@{'a' * 40}", lock=lock)


def test_gated_models_need_a_token(hub: type[Hub], lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.gated = True
    lock.write_text(LOCK + "  gated: true\n")
    with pytest.raises(ValueError, match=r"cannot be had from .*GatedRepo.*It is gated: accept its terms on .* and set HF_TOKEN"):
        lock_weights(of(f"hub:{NAME}"), lock)
    monkeypatch.setenv("HF_TOKEN", "secret")
    lock_weights(of(f"hub:{NAME}"), lock)
    assert found(tmp_path, f"hub:{NAME}", lock=lock).folder.is_dir()


def test_no_network_and_no_pipeline_are_said(hub: type[Hub], lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del hub.files["model_index.json"]
    with pytest.raises(ValueError, match=r"no model_index\.json.*path:FOLDER"):
        lock_weights(of(f"hub:{NAME}"), lock)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match=rf"{NAME} cannot be had from https://huggingface.co/{NAME} \(no connection\)"):
        lock_weights(of(f"hub:{NAME}"), lock)
    with pytest.raises(ValueError, match="needs no lock"):
        lock_weights(of("micro:base"), lock)


def test_own_folders_start_at_the_workspace_and_count_by_what_they_hold(tmp_path: Path) -> None:
    for place in ("one", "deeper/two"):
        (tmp_path / place / "vae").mkdir(parents=True)
        (tmp_path / place / "vae" / "weights.safetensors").write_bytes(b"w")
    (tmp_path / "one" / "notes.md").write_text("not part of the model")
    one, two = found(tmp_path, "path:one"), found(tmp_path, f"path:{tmp_path}/deeper/two")
    assert one.digest == two.digest and one.folder == tmp_path / "one"
    (tmp_path / "one" / "vae" / "weights.safetensors").write_bytes(b"other")
    assert found(tmp_path, "path:one").digest != two.digest
    with pytest.raises(ValueError, match=r"nowhere holds no model \(path:nowhere\)"):
        found(tmp_path, "path:nowhere")


def test_shipped_models_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.weights, "MICRO_WEIGHTS", tmp_path / "shipped")
    with pytest.raises(ValueError, match="there are none yet"):
        found(tmp_path, "micro:base")
    (tmp_path / "shipped" / "base").mkdir(parents=True)
    (tmp_path / "shipped" / "base" / "weights.safetensors").write_bytes(b"w")
    assert found(tmp_path, "micro:base").folder == tmp_path / "shipped" / "base"
    with pytest.raises(ValueError, match="there are base"):
        found(tmp_path, "micro:vae")


def test_a_name_is_a_run_else_a_reference_else_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path / "root", "tiny")
    for name in ("own", "trained"):
        (workspace.root / name).mkdir(parents=True)
        (workspace.root / name / "weights.safetensors").write_bytes(b"w")
    run = workspace.folder("train") / "trained"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"weights_sha256": "of the record"}))
    monkeypatch.chdir(tmp_path)
    assert find_model(workspace, "trained") == Weights(run / "model", "of the record")
    assert find_model(workspace, "path:trained").folder == workspace.root / "trained"
    assert find_model(workspace, "own") == find_model(workspace, "path:own") == find_model(workspace, str(workspace.root / "own"))
    for name in ("root/own", ""):
        with pytest.raises(ValueError, match="holds no trained model"):
            find_model(workspace, name)
