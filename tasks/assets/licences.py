"""Licences of assets: one spelling (SPDX), a filter, and the ATTRIBUTION file that travels with the data."""

import functools
import json
import re
from pathlib import Path

import yaml

import data_specs
from data_specs.asset import CatalogueLine
from data_specs.manifest import Manifest

LICENCES_FILE = Path(data_specs.__file__).parent / "catalogue" / "licences.yaml"


def spdx_id(text: str) -> str:
    """The SPDX id of a licence as people write it; text that is not known comes back stripped, nothing becomes "unknown"."""
    words = " ".join(text.split())
    return _spellings().get(_plain(words), words) or "unknown"


def is_allowed(licence: str, allowed: list[str]) -> bool:
    """Whether a licence is on the list; an empty list allows everything."""
    return not allowed or spdx_id(licence).lower() in {spdx_id(name).lower() for name in allowed}


def attribution_page(manifest: Manifest) -> str:
    """ATTRIBUTION.md: every asset of a data set under its licence, with author and place of publication; the same data give the same text."""
    lines = sorted(_kept_lines(manifest), key=lambda line: (line.licence, line.asset_id))
    page = ["# Attribution", "", f"{len(lines)} assets of the data set `{manifest.size}`, by licence. Meshes were cleaned, centred and scaled."]
    for licence in sorted({line.licence for line in lines}):
        url = _known().get(licence, {}).get("url", "")
        page += ["", f"## {licence}", "", *([url, ""] if url else [])]
        page += [_credit(line) for line in lines if line.licence == licence]
    return "\n".join(page) + "\n"


def _kept_lines(manifest: Manifest) -> list[CatalogueLine]:
    kept = []
    for row in manifest.shards:
        samples = set(row.samples)
        kept += [line for line in (CatalogueLine.model_validate(json.loads(text)) for text in row.inputs) if line.asset_id in samples]
    return kept


def _credit(line: CatalogueLine) -> str:
    parts = [f"`{line.asset_id}`", line.caption, f"by {line.author}" if line.author else "", line.attribution]
    return "- " + ", ".join(" ".join(part.split()) for part in parts if part)


@functools.cache
def _known() -> dict[str, dict]:
    return yaml.safe_load(LICENCES_FILE.read_text())


@functools.cache
def _spellings() -> dict[str, str]:
    return {_plain(name): spdx for spdx, entry in _known().items() for name in (spdx, *entry["names"])}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", " ", text.lower()).strip()
