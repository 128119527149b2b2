"""Licences in one spelling (SPDX), where each can be read, and a filter."""

import functools
import re
from pathlib import Path

import yaml

import data_specs

LICENCES_FILE = Path(data_specs.__file__).parent / "catalogue" / "licences.yaml"


def spdx_id(text: str) -> str:
    """The SPDX id of a licence as people write it; text that is not known comes back stripped, nothing becomes "unknown"."""
    words = " ".join(text.split())
    return _spellings().get(_plain(words), words) or "unknown"


def is_allowed(licence: str, allowed: list[str]) -> bool:
    """Whether a licence is on the list; an empty list allows everything."""
    return not allowed or spdx_id(licence).lower() in {spdx_id(name).lower() for name in allowed}


def licence_url(spdx: str) -> str:
    """Where a licence can be read, "" where that is not known."""
    return _known().get(spdx, {}).get("url", "")


@functools.cache
def _known() -> dict[str, dict]:
    return yaml.safe_load(LICENCES_FILE.read_text())


@functools.cache
def _spellings() -> dict[str, str]:
    return {_plain(name): spdx for spdx, entry in _known().items() for name in (spdx, *entry["names"])}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", " ", text.lower()).strip()
