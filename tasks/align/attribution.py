"""The ATTRIBUTION file that travels with aligned pictures: whose they are, and where that of their meshes lies."""

from collections import Counter
from collections.abc import Iterable

from data_specs.subject import SubjectLine
from tasks.licences import licence_url


def attribution_page(size: str, kept: Iterable[SubjectLine], assets: bool) -> str:
    """ATTRIBUTION.md: the pictures of a data set by licence, author and place of publication. assets: pictures or meshes are those of `assets`.

    kept: the lines of its samples. The record of each sample says the same of it alone.
    """
    counts = Counter((line.licence, line.author, line.attribution) for line in kept)
    page = ["# Attribution", "", f"{counts.total()} pictures of the data set `{size}`, by licence. Larger ones were scaled down."]
    if assets:
        page += ["", "Their meshes, and what composed pictures show, are assets: `../assets/ATTRIBUTION.md` credits these."]
    for licence in sorted({licence for licence, _, _ in counts}):
        url = licence_url(licence)
        page += ["", f"## {licence}", "", *([url, ""] if url else [])]
        page += [_credit(*key[1:], count) for key, count in sorted(counts.items()) if key[0] == licence]
    return "\n".join(page) + "\n"


def _credit(author: str, attribution: str, count: int) -> str:
    parts = [f"{count} picture{'s' if count > 1 else ''}", f"by {author}" if author else "", attribution]
    return "- " + ", ".join(" ".join(part.split()) for part in parts if part)
