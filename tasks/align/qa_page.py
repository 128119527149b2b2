"""The QA page: every picture with its overlay, scores and reason, to filter, sort and judge; nothing fetched, the same bytes for the same run.

Verdicts live in the browser until they are saved as the file that `tasks.align.verdicts` reads. The only script that runs is the page's own:
its digest is in the page's policy, and strangers' names and captions are data to it.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from data_specs.decision import funnel
from data_specs.ids import content_id
from data_specs.manifest import Manifest
from tasks.align.reviewed import Reviewed, reviewed
from tasks.align.verdicts import HumanVerdict
from tasks.artefacts import write_atomic
from tasks.ledger import read_manifest

TEMPLATES = Path(__file__).parent / "templates"
PICTURES_A_PAGE = 2000
"""About 35 MB, which a browser opens in little more than a second, because it builds only the cards in sight."""


class Rule(Protocol):
    """What the page says of a rule: which side of its threshold is kept, what its score is, when nobody measures it (`tasks.align.filters`)."""

    @property
    def rule(self) -> str: ...
    @property
    def keep(self) -> Literal["at_least", "at_most"]: ...
    @property
    def meaning(self) -> str: ...
    @property
    def after(self) -> str: ...
    @property
    def takes_long(self) -> bool: ...


@dataclass(frozen=True)
class Run:
    """What all pages of a run share. verdicts: of the file that the run honoured."""

    manifest: Manifest
    verdicts: Mapping[str, HumanVerdict]
    rules: Sequence[Rule]

    @property
    def names(self) -> list[str]:
        """The files of the pages: `qa.html`, and `qa-2.html` on for runs of more than `PICTURES_A_PAGE`."""
        return ["qa.html", *(f"qa-{page}.html" for page in range(2, -(-self.manifest.entered // PICTURES_A_PAGE) + 1))]


def write_qa_pages(folder: Path, verdicts: Mapping[str, HumanVerdict], rules: Sequence[Rule]) -> Path:
    """Write the pages of a published run into its folder, remove those of a longer one, and return the first."""
    run = Run(read_manifest(folder), verdicts, rules)
    for name, page in qa_pages(run, reviewed(folder)):
        write_atomic(folder / name, page.encode())
    for path in folder.glob("qa-*.html"):
        if path.name not in run.names:
            path.unlink(missing_ok=True)
    return folder / run.names[0]


def qa_pages(run: Run, pictures: Iterable[Reviewed]) -> Iterator[tuple[str, str]]:
    """Name and HTML of each page, one after the other, so that only one page's previews are in memory."""
    template, script = _template(), (TEMPLATES / "qa.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    entered, *dropped, kept = funnel(run.manifest.entered, run.manifest.decisions())
    rest, key = iter(pictures), content_id(run.manifest.size, [row.inputs for row in run.manifest.shards])
    for number, name in enumerate(run.names, start=1):
        yield (
            name,
            template.render(
                size=run.manifest.size,
                entered=entered[1],
                dropped=dropped,
                kept=kept[1],
                page=number,
                pages=len(run.names),
                names=run.names,
                pictures_a_page=PICTURES_A_PAGE,
                script=Markup(script),
                script_digest=f"sha256-{digest}",
                run=_facts(run, key, islice(rest, PICTURES_A_PAGE)),
            ),
        )


def _facts(run: Run, key: str, pictures: Iterable[Reviewed]) -> dict[str, Any]:
    """What the script works on. key: of what entered, so that verdicts outlast a change of thresholds."""
    return {
        "key": key,
        "verdicts": {subject_id: human.model_dump() for subject_id, human in run.verdicts.items()},
        "rules": {one.rule: {"keep": one.keep, "meaning": one.meaning} for one in run.rules},
        "pictures": [_picture(one, run.rules) for one in pictures],
    }


def _picture(one: Reviewed, rules: Sequence[Rule]) -> dict[str, Any]:
    measured, dropped_after = {score.rule for score in one.scores}, {rule.after for rule in rules if rule.rule == one.rule}
    return {
        "id": one.subject_id,
        "verdict": one.verdict,
        "rule": one.rule,
        "message": one.message,
        "missing": one.missing,
        "scores": [{"rule": score.rule, "score": score.score, "threshold": score.threshold} for score in one.scores],
        "unmeasured": [rule.rule for rule in rules if rule.takes_long and rule.after in dropped_after and rule.rule not in measured],
        "jpeg": base64.b64encode(one.preview_jpeg).decode() if one.preview_jpeg else "",
        "item": one.item,
        "caption": one.caption,
        "licence": one.licence,
        "attribution": one.attribution,
        "source": one.source,
    }


def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("qa.html.j2")
