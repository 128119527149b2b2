"""Base models by reference, and the lock that says which bytes they are.

A reference stands where the name of a training run may stand: `micro:NAME`, a model shipped with the repository; `hub:OWNER/REPO@REVISION`, a
diffusers pipeline on Hugging Face (without a revision the one of the lock); `path:FOLDER`, a folder of one's own.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError

from data_specs.strict import Strict

LOCK = Path(__file__).parent / "catalogue" / "weights.yaml"
UNLOCKED = "unlocked"
REVISION = re.compile(r"[0-9a-f]{40}")
MODEL_SUFFIXES = (".safetensors", ".json", ".txt", ".model")
"""Files of a model: weights, configs, vocabularies. Nothing that runs when it is read."""

HEADER = """\
# Models on Hugging Face, bases and CLIP: licence, size, and which bytes they are. `atelier3d weights lock hub:OWNER/REPO@REVISION` writes revision
# and files (the sha256 that the hub states for large files, those of the small ones as downloaded); every file is checked against them before use.
"""

Kind = Literal["micro", "hub", "path"]


@dataclass(frozen=True)
class Reference:
    """kind and name: `micro` a shipped model, `hub` owner/repository, `path` a folder. revision: of `hub`, as written, or empty."""

    kind: Kind
    name: str
    revision: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" + (f"@{self.revision}" if self.revision else "")


def parse_reference(text: str) -> Reference | None:
    """The reference that a text is, or None for the name of a run. Raises ValueError for one that is neither."""
    kind, colon, rest = text.partition(":")
    if not colon:
        return None
    name, at, revision = rest.partition("@") if kind == "hub" else (rest, "", "")
    shapes = {"micro": r"[a-z0-9][a-z0-9_-]*", "hub": r"[\w.-]+/[\w.-]+", "path": r".+"}
    if kind not in get_args(Kind) or not re.fullmatch(shapes[kind], name) or (at and not revision):
        raise ValueError(f"{text!r} is no reference to a model: write micro:NAME, hub:OWNER/REPO@REVISION, path:FOLDER, or the name of a run")
    return Reference(kind, name, revision)  # type: ignore[arg-type]


class LockedFile(Strict):
    """One file of a model."""

    sha256: str = Field(pattern=r"[0-9a-f]{64}")
    size: int = Field(ge=0, description="bytes")


class LockedModel(Strict):
    """A model on the hub."""

    licence: str
    licence_url: str
    gigabytes: float = Field(gt=0, description="of all its files, about as much as is downloaded")
    gated: bool = Field(False, description="its terms must be accepted on its page, and HF_TOKEN set")
    revision: str = Field(UNLOCKED, description="commit of the repository; unlocked = nobody has said yet which bytes it is")
    files: dict[str, LockedFile] = Field(default_factory=dict)

    @property
    def locked(self) -> bool:
        """Whether revision and files are known."""
        return self.revision != UNLOCKED


def load_lock(path: Path = LOCK) -> dict[str, LockedModel]:
    """Repository -> what is known of it. Raises ValueError naming what is wrong."""
    tree: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    lock = {}
    for name, entry in tree.items():
        try:
            lock[name] = LockedModel.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{path}: {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if lock[name].locked and not (REVISION.fullmatch(lock[name].revision) and lock[name].files):
            raise ValueError(f"{path}: {name}: a lock is a revision of 40 hex digits and its files, or `revision: {UNLOCKED}`")
    return lock


def lock_text(lock: dict[str, LockedModel]) -> str:
    """The lock as its file has it."""
    tree = {name: model.model_dump(exclude_defaults=True) | {"revision": model.revision} for name, model in sorted(lock.items())}
    return HEADER + yaml.safe_dump(tree, sort_keys=False, width=150)
