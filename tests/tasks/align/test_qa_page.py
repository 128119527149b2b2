"""The QA page holds everything, fetches nothing, runs no script but its own, and is split where there is too much for one page."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tasks.align import qa_page
from tasks.align.qa_page import write_qa_pages
from tasks.align.reviewed import reviewed
from tasks.align.verdicts import HumanVerdict
from tests.tasks.align.reviewed_run import HOSTILE, RULES, preview, write_run

VERDICTS = {"cup_00001": HumanVerdict(verdict="keep", note=HOSTILE), "of_another_run": HumanVerdict(verdict="drop")}


def page_of(folder: Path) -> str:
    return write_qa_pages(folder, VERDICTS, RULES).read_text()


def facts_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="run">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("align")
    write_run(made, 12)
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return page_of(folder)


def test_what_became_of_each_picture(folder: Path) -> None:
    pictures = list(reviewed(folder))
    assert [one.subject_id for one in pictures] == [f"cup_{number:05d}" for number in range(12)]
    assert [(one.verdict, one.rule, one.missing) for one in pictures[:4]] == [
        ("kept", "", False),
        ("dropped", "silhouette_iou", False),
        ("dropped", "appearance", False),
        ("dropped", "no_pose", True),
    ]
    assert [score.rule for score in pictures[0].scores] == ["box_score", "silhouette_iou", "appearance"]
    assert pictures[3].message == "no pose <b>explains</b> picture 3" and [score.rule for score in pictures[3].scores] == ["box_score"]
    assert pictures[0].preview_jpeg == preview(0) and pictures[2].preview_jpeg is None


def test_the_page_holds_every_picture_with_scores_and_the_file_of_verdicts(page: str) -> None:
    facts = facts_of(page)
    assert len(facts["pictures"]) == 12 and facts["verdicts"] == {key: human.model_dump() for key, human in VERDICTS.items()}
    second = facts["pictures"][1]
    assert (second["item"], second["caption"], second["attribution"]) == (HOSTILE, HOSTILE, "Eve <eve@example.org>")
    assert base64.b64decode(second["jpeg"]) == preview(1)
    assert second["scores"][1] == {"rule": "silhouette_iou", "score": pytest.approx(0.74999), "threshold": 0.8}
    assert [one["unmeasured"] for one in facts["pictures"][:4]] == [[], ["appearance"], [], []], "by who was dropped before it was measured"
    assert facts["rules"]["appearance"] == {"keep": "at_most", "meaning": "distance of render and picture"}
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page[: page.index("<main>")]))
    assert "12entered" in text and "&minus;3no_pose" in text and "3kept" in text


def test_no_stranger_reaches_the_markup_and_nothing_is_fetched(page: str) -> None:
    """Hostile text is in the data block alone, with every bracket escaped; the policy lets the page's own script run and no other."""
    assert page.count("<script") == 2 and "onerror=\\u0022" not in page.split('id="run">')[0]
    assert "<img src=x" not in page and "eve@example.org>" not in page and "<b>explains" not in page
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy and policy[1] == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert "innerHTML" not in script and "http" not in page.replace('http-equiv="Content', "") and "url(" not in page and "@import" not in page


def test_the_same_run_gives_the_same_bytes(page: str, tmp_path: Path) -> None:
    write_run(tmp_path, 12)
    assert page_of(tmp_path) == page


def test_many_pictures_are_split_and_pages_of_a_longer_run_go(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_run(tmp_path, 12)
    monkeypatch.setattr(qa_page, "PICTURES_A_PAGE", 5)
    first = page_of(tmp_path)
    pages = [first, *((tmp_path / f"qa-{number}.html").read_text() for number in (2, 3))]
    assert [len(facts_of(one)["pictures"]) for one in pages] == [5, 5, 2]
    assert all('<a href="qa-2.html">2</a>' in one for one in (pages[0], pages[2])) and "page 2 of 3" in pages[1]
    assert len({facts_of(one)["key"] for one in pages}) == 1, "one browser keeps the verdicts of all pages together"
    monkeypatch.setattr(qa_page, "PICTURES_A_PAGE", 2000)
    assert facts_of(page_of(tmp_path)) == facts_of(page_of(folder)) and not list(tmp_path.glob("qa-*.html"))
