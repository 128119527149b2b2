"""Models by name: those of training runs, and base models by reference, which are shipped, on Hugging Face, or in a folder of one's own.

References are found, fetched, checked byte for byte, and locked.
The weights digest is a hash of what the files hold: it goes into the identity of every run that starts from them.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from data_specs.ids import canonical_json, sha256_bytes
from data_specs.weights import LOCK, MODEL_SUFFIXES, REVISION, LockedFile, LockedModel, Reference, load_lock, lock_text, parse_reference
from tasks.artefacts import Workspace, write_atomic
from tasks.local_folder import FileDigests

MICRO_WEIGHTS = Path(__file__).resolve().parents[1] / "models" / "micro" / "weights"
RECORD = "run.json"
"""In the folder of a finished run: what vouches for its model."""

INDEX_NAME, CONFIG_NAME = "model_index.json", "config.json"
"""A repository with the first is a diffusers pipeline of several parts, one with only the second a single model of transformers (CLIP)."""

VARIANTS = (".fp16.", ".bf16.", ".non_ema.")
"""A repository may hold the same weights again in another precision."""


@dataclass(frozen=True)
class Weights:
    """folder: of the model, absolute. digest: sha256 over the names and sha256 of its files."""

    folder: Path
    digest: str


def find_model(workspace: Workspace, name: str, fetch: bool = False) -> Weights:
    """The model of a finished training run, else what a reference names, else a folder, as `path:` has it (`find_weights`).

    Raises ValueError saying what to do without it.
    """
    reference, folder = parse_reference(name), workspace.folder("train") / name
    if reference is None and not (folder / RECORD).is_file() and name and (workspace.root / name).is_dir():
        reference = Reference("path", name)
    if reference is not None:
        return find_weights(workspace, reference, fetch)
    return Weights((folder / "model").resolve(), read_run(folder)["weights_sha256"])


def read_run(folder: Path) -> dict[str, Any]:
    """The record of a finished run. Raises ValueError saying which run to train first when there is none."""
    path = folder / RECORD
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no trained model: train {folder.name!r} first (`atelier3d train`)") from None
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): remove {folder} and train {folder.name!r} again") from None


def find_weights(workspace: Workspace, reference: Reference, fetch: bool = True, lock: Path = LOCK, again: bool = False) -> Weights:
    """The model that a reference names. A `path:` that is not absolute starts at the workspace.

    fetch: download what is not here. again: read every file, also those whose size and time of change are what they were when it was read last.
    Raises ValueError saying what is missing, where it comes from, how big it is and under which licence, or which file is not the locked one.
    """
    if reference.kind == "hub":
        return _from_hub(workspace, reference, fetch, lock, again)
    folder = MICRO_WEIGHTS / reference.name if reference.kind == "micro" else workspace.root / Path(reference.name).expanduser()
    files = _model_files(folder)
    if not any(path.suffix == ".safetensors" for path in files):
        raise ValueError(_nothing_in(folder, reference))
    names = [path.relative_to(folder).as_posix() for path in files]
    return Weights(folder.resolve(), _digest(file_digests(workspace, folder.resolve(), names, again)))


def lock_weights(reference: Reference, lock: Path = LOCK) -> LockedModel:
    """Record in the lock which bytes a model on the hub is, as it states them now; downloads its small files only.

    Raises ValueError when the hub does not answer, the repository holds neither a diffusers pipeline nor one model of transformers, or the reference
    is of another kind.
    """
    from huggingface_hub import HfApi, hf_hub_download

    if reference.kind != "hub":
        raise ValueError(f"{reference} needs no lock: only models on the hub (hub:OWNER/REPO@REVISION) have one")
    known = load_lock(lock)
    entry = known.get(reference.name)
    with _asking_hub(reference.name, entry):
        info = HfApi(token=_token()).model_info(reference.name, revision=reference.revision or "main", files_metadata=True)
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}

        def local(name: str) -> Path:
            return Path(hf_hub_download(reference.name, name, revision=info.sha, token=_token()))

        if INDEX_NAME in siblings:
            wanted = _of_pipeline(siblings, json.loads(local(INDEX_NAME).read_text()))
        elif CONFIG_NAME in siblings and "model_type" in json.loads(local(CONFIG_NAME).read_text()):
            wanted = _of_one_model(siblings)
        else:
            raise ValueError(
                f"{reference.name} has no {INDEX_NAME}: it is not a whole diffusers pipeline; put its parts into one folder, use path:FOLDER"
            )
        files = {name: _locked_file(siblings[name]) or _hashed(local(name)) for name in wanted}
    model = entry.model_copy(update={"revision": info.sha, "files": files}) if entry else _described(reference.name, info, files)
    write_atomic(lock, lock_text(known | {reference.name: model}).encode())
    return model


def _from_hub(workspace: Workspace, reference: Reference, fetch: bool, lock: Path, again: bool) -> Weights:
    entry = load_lock(lock).get(reference.name)
    revision = _locked_revision(reference, entry)
    assert entry is not None
    folder = _snapshot(reference.name, revision, entry, fetch)
    found = file_digests(workspace, folder, list(entry.files), again)
    wrong = [name for name, file in entry.files.items() if found[name] != file.sha256]
    if wrong:
        locked = entry.files[wrong[0]].sha256
        raise ValueError(f"{folder / wrong[0]} is not the file that {lock} has locked (sha256 {locked}): remove it and fetch {reference} again")
    return Weights(folder, _digest({name: file.sha256 for name, file in entry.files.items()}))


def _locked_revision(reference: Reference, entry: LockedModel | None) -> str:
    revision = reference.revision
    command = f"`atelier3d weights lock hub:{reference.name}@{revision or 'main'}` (it asks the hub and downloads no weights)"
    if entry is None or not entry.locked:
        unknown = "which bytes it is, its revision and the sha256 of every file, is not known yet"
        raise ValueError(f"model {reference.name} is not locked: {unknown}. Run {command}.{_terms(reference.name, entry)}")
    if revision and not REVISION.fullmatch(revision):
        raise ValueError(f"{reference}: a revision is 40 hex digits (a branch can move); the locked one is {entry.revision}")
    if revision and revision != entry.revision:
        raise ValueError(f"{reference} is not the locked revision {entry.revision}: leave the revision out, or run {command}")
    return entry.revision


def _snapshot(name: str, revision: str, entry: LockedModel, fetch: bool) -> Path:
    """The folder in the hub's cache with every locked file in it."""
    from huggingface_hub import snapshot_download, try_to_load_from_cache

    found = {file: try_to_load_from_cache(name, file, revision=revision) for file in entry.files}
    missing = {file: entry.files[file].size for file, path in found.items() if not isinstance(path, str)}
    if missing and not fetch:
        lacking = f"{len(missing)} of {len(found)} files, {sum(missing.values()) / 1e9:.3g} GB, such as {min(missing)}"
        commands = f"Training fetches them, or `atelier3d weights fetch hub:{name}`"
        raise ValueError(f"model {name} is not here: {lacking}. {commands}.{_terms(name, entry)}")
    if missing:
        with _asking_hub(name, entry):
            return Path(snapshot_download(name, revision=revision, allow_patterns=list(entry.files), token=_token()))
    return Path(str(next(path for file, path in found.items() if file in (INDEX_NAME, CONFIG_NAME)))).parent


def _of_pipeline(siblings: Iterable[str], index: dict[str, Any]) -> list[str]:
    """The files of the parts that the index names, once each."""
    parts = {name for name, entry in index.items() if isinstance(entry, list) and entry[1]}
    return sorted([INDEX_NAME, *_once([name for name in siblings if name.split("/")[0] in parts and "/" in name])])


def _of_one_model(siblings: Iterable[str]) -> list[str]:
    """The files beside the config. Raises ValueError where the weights are no safetensors."""
    chosen = sorted(_once([name for name in siblings if "/" not in name]))
    if not any(name.endswith(".safetensors") for name in chosen):
        raise ValueError("the repository has no weights as safetensors: save it as such into a folder (`save_pretrained`), use path:FOLDER")
    return chosen


def _once(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.endswith(MODEL_SUFFIXES) and not any(variant in name for variant in VARIANTS)]


def _locked_file(sibling: Any) -> LockedFile | None:
    """What the hub itself states of a large file."""
    return LockedFile(sha256=sibling.lfs.sha256, size=sibling.lfs.size) if sibling.lfs else None


def _hashed(path: Path) -> LockedFile:
    return LockedFile(sha256=FileDigests.digest(path), size=path.stat().st_size)


def _described(name: str, info: Any, files: dict[str, LockedFile]) -> LockedModel:
    """A model that the lock did not know, as the hub describes it."""
    card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
    return LockedModel(
        licence=str(card.get("license_name") or card.get("license") or "not stated"),
        licence_url=str(card.get("license_link") or _page(name)),
        gigabytes=max(0.1, round(sum(file.size for file in files.values()) / 1e9, 1)),
        gated=bool(info.gated),
        revision=info.sha,
        files=files,
    )


@contextmanager
def _asking_hub(name: str, entry: LockedModel | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # of requests and of huggingface_hub alike: no network, no such repository, gated
        lost = isinstance(error, requests.ConnectionError | requests.Timeout | ConnectionError)
        reason = "no connection" if lost else f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        raise ValueError(f"model {name} cannot be had from {_page(name)} ({reason}).{_terms(name, entry)}") from None


def _terms(name: str, entry: LockedModel | None) -> str:
    if entry is None:
        return f" Its licence and size: {_page(name)}"
    gated = f" It is gated: accept its terms on {_page(name)} and set HF_TOKEN." if entry.gated and not _token() else ""
    return f" From {_page(name)}, about {entry.gigabytes:g} GB, licence {entry.licence} ({entry.licence_url}).{gated}"


def _page(name: str) -> str:
    return f"https://huggingface.co/{name}"


def _token() -> str | None:
    return os.environ.get("HF_TOKEN") or None


def _nothing_in(folder: Path, reference: Reference) -> str:
    if reference.kind == "path":
        return f"{folder} holds no model ({reference}): a base is a diffusers pipeline folder, or the `model` folder of a run"
    shipped = sorted(path.name for path in MICRO_WEIGHTS.iterdir() if path.is_dir()) if MICRO_WEIGHTS.is_dir() else []
    return f"no model {reference.name!r} is shipped with the repository ({reference}): there are {', '.join(shipped) or 'none yet'}"


def _model_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in MODEL_SUFFIXES and path.is_file())


def _digest(files: dict[str, str]) -> str:
    return sha256_bytes(canonical_json(files).encode())


def file_digests(workspace: Workspace, folder: Path, names: list[str], again: bool = False) -> dict[str, str]:
    """sha256 of files in a folder; a text encoder may have 19 GB, so that a file is read once, as long as it does not change."""
    digests = FileDigests(folder, workspace.runs / "weights", again)
    found = {name: digests.of(name) for name in names}
    digests.save()
    return found
