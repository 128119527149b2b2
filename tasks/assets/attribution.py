"""The ATTRIBUTION file that travels with the data."""

import json

from data_specs.asset import CatalogueLine
from data_specs.manifest import Manifest
from tasks.licences import licence_url


def attribution_page(manifest: Manifest) -> str:
    """ATTRIBUTION.md: every asset of a data set under its licence, with author and place of publication; the same data give the same text."""
    lines = sorted(_kept_lines(manifest), key=lambda line: (line.licence, line.asset_id))
    page = ["# Attribution", "", f"{len(lines)} assets of the data set `{manifest.size}`, by licence. Meshes were cleaned, centred and scaled."]
    for licence in sorted({line.licence for line in lines}):
        url = licence_url(licence)
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
