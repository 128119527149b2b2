"""The folder of a finished run, `data/<size>/train/<run>`: `model/`, `history.csv`, sampling grids, and `run.json`, which vouches for all of them."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_specs.ids import canonical_json, sha256_bytes
from tasks.artefacts import write_atomic
from tasks.local_folder import FileDigests
from tasks.weights import RECORD, read_run


def is_published(folder: Path, run_id: str, cache: Path) -> bool:
    """Whether `folder` holds the finished run of that id with every file as recorded.

    cache: folder where digests are remembered: a file is read again when its size or its time of change is another.
    """
    if not (folder / RECORD).is_file():
        return False
    try:
        record = read_run(folder)
    except ValueError:
        return False
    return record.get("id") == run_id and record.get("files") == _digests(folder, cache)


def publish(folder: Path, record: dict[str, Any], write: Callable[[Path], None]) -> dict[str, Any]:
    """Let `write` fill a new folder (with at least `model/`), seal it with `run.json`, and put it in the place of `folder`.

    Returns the record with `files` (path -> sha256) and `weights_sha256` (of the model's files) added. A kill leaves the old folder, or none.
    """
    partial, old = folder.with_name(f".{folder.name}.partial"), folder.with_name(f".{folder.name}.old")
    for stray in (partial, old):
        shutil.rmtree(stray, ignore_errors=True)
    (partial / "model").mkdir(parents=True)
    write(partial)
    files = _digests(partial, None)
    model = {name: digest for name, digest in files.items() if name.startswith("model/")}
    sealed = {**record, "files": files, "weights_sha256": sha256_bytes(canonical_json(model).encode())}
    write_atomic(partial / RECORD, (json.dumps(sealed, indent=1, sort_keys=True) + "\n").encode())
    if folder.exists():
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)
    return sealed


def _digests(folder: Path, cache: Path | None) -> dict[str, str]:
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file() and path.name != RECORD]
    if cache is None:
        return {name: FileDigests.digest(folder / name) for name in names}
    digests = FileDigests(folder, cache)
    found = {name: digests.of(name) for name in names}
    digests.save()
    return found
