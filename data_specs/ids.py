"""Names that are derived from content: the same inputs give the same id on every machine."""

import hashlib
import json
import re
from typing import Any, Literal

SAFE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")


def canonical_json(value: Any) -> str:
    """Serialise plain data the one way: sorted keys, no spaces, no NaN. Raises ValueError or TypeError otherwise."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def content_id(*parts: Any) -> str:
    """Hash plain data (JSON types) to 16 hex digits."""
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()[:16]


def sha256_bytes(data: bytes) -> str:
    """The sha256 of bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def seed_from(*parts: Any) -> int:
    """A 63-bit seed for `numpy.random.default_rng` or `torch.Generator`, a function of plain data alone."""
    return int.from_bytes(hashlib.sha256(canonical_json(list(parts)).encode()).digest()[:8], "big") >> 1


def slug(text: str) -> str:
    """Turn any text into a safe id (`SAFE_ID`); text without a usable character becomes a hash."""
    cleaned = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:80].rstrip("_")
    return cleaned or "x" + content_id(text)


def check_id(value: str) -> str:
    """Return a safe id unchanged; raise ValueError for one that could escape a folder or a tar key."""
    if not SAFE_ID.fullmatch(value):
        raise ValueError(f"id {value!r} is not safe: use lower-case letters, digits, '_' and '-', at most 80")
    return value


def split_of(asset_id: str, validation: float, test: float) -> Literal["train", "validation", "test"]:
    """Assign an asset to "train", "validation" or "test" by the hash of its id, so that a split never changes as data grows.

    validation, test: fractions in [0, 1].
    """
    position = int(hashlib.sha256(asset_id.encode()).hexdigest()[:8], 16) / 2**32
    if position < test:
        return "test"
    return "validation" if position < test + validation else "train"
