"""The QA page in a real browser: sort, filter, judge by mouse and by keys, save, load; what is saved is what the stage reads.

Needs a Chromium: `tests/browser.py` takes the one on the path or in ATELIER3D_BROWSER, and the tests are skipped where there is none.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.align.qa_page import write_qa_pages
from tasks.align.verdicts import HumanVerdict, read_verdicts
from tests.browser import Page, open_browser, wait_for
from tests.tasks.align.reviewed_run import HOSTILE, RULES, write_run

FILED = {"cup_00005": HumanVerdict(verdict="drop", note="blurred"), "of_another_run": HumanVerdict(verdict="keep")}
COUNT = 2000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qa")
    write_run(folder / "align", COUNT)
    return write_qa_pages(folder / "align", FILED, RULES)


@pytest.fixture
def page(site: Path, tmp_path: Path) -> Iterator[Page]:
    with open_browser(tmp_path) as page:
        page.resize(1400, 900)
        page.open(site)
        yield page
        assert page.troubles == []


def ids(page: Page) -> list[str]:
    return page.js("[...document.querySelectorAll('.card')].map(card => card.dataset.id)")


def text(page: Page, element: str) -> str:
    return page.js(f"document.getElementById('{element}').textContent")


def saved(page: Page, folder: Path) -> dict[str, HumanVerdict]:
    """What the button downloads, as the stage reads it; the file is removed, for the next one."""
    path = folder / "verdicts.json"
    page.click("#save")
    wait_for(lambda: path.is_file() and path.read_bytes().endswith(b"}\n"), "the download")
    verdicts = read_verdicts(str(path))
    path.unlink()
    return verdicts


def test_cards_are_built_as_they_come_into_sight(page: Page) -> None:
    assert text(page, "shown") == "2,000 of 2,000 shown" and len(ids(page)) < 200
    page.wait("document.querySelector('.card img').naturalWidth === 192")
    before = len(ids(page))
    page.js("scrollTo(0, document.body.scrollHeight)")
    page.wait(f"document.querySelectorAll('.card').length > {before}")


def test_strangers_words_are_words(page: Page) -> None:
    assert page.js("document.querySelector('[data-id=cup_00001] h2').textContent") == HOSTILE
    assert (
        page.js("document.title") == "Aligned pictures: tiny"
        and page.js("document.querySelectorAll('.card img[onerror], .card script, .card b b').length") == 0
    )


def test_sort_filter_and_search(page: Page) -> None:
    page.choose("#order", "score:silhouette_iou")
    assert ids(page)[:2] == ["cup_01997", "cup_01993"], "the lowest first"
    page.click("#direction")
    assert ids(page)[0] == "cup_00000" and text(page, "direction") == "highest first"
    page.click(".funnel [data-rule=no_pose]")
    assert text(page, "shown") == "500 of 2,000 shown" and ids(page)[0] == "cup_00003", "without that score: the run's own order"
    page.choose("#order", "")
    assert ids(page)[0] == "cup_01999"
    page.choose("#verdict", "kept")
    assert text(page, "shown").startswith("0 of") and page.js("document.getElementById('nothing').hidden") is False
    page.choose("#rule", "")
    assert text(page, "shown") == "500 of 2,000 shown"
    page.js("document.getElementById('search').focus()")
    page.press(*"kind 40 on")
    assert ids(page) == ["cup_00040"], "keys go into the search field and judge nothing"
    page.choose("#human", "drop")
    assert ids(page) == []


def test_scores_say_which_of_them_fail(page: Page) -> None:
    shown = "[...document.querySelectorAll('[data-id=cup_00002] tr')].filter(row => row.offsetHeight)"
    rows = f"{shown}.map(row => [row.textContent, row.className, row.title])"
    assert page.js(rows)[1:] == [
        ["silhouette_iou0.95\u2265 0.8", "", "overlap of the outlines"],
        ["appearance0.4\u2264 0.3", "fails", "distance of render and picture"],
    ]
    page.click("#all-scores")
    assert [row[1] for row in page.js(rows)] == ["fails"]


def test_judge_by_mouse_and_keys_save_and_find_it_again(page: Page, site: Path, tmp_path: Path) -> None:
    assert text(page, "judged") == "2 judged: 1 keep, 1 drop", "those of the file"
    page.click("[data-id=cup_00001] .says-keep")
    page.click("[data-id=cup_00001] .judge input")
    page.press(*"dusk", "Escape", "ArrowRight", "d", "k", "ArrowLeft", "u", "ArrowDown")
    columns = page.js("getComputedStyle(document.getElementById('grid')).gridTemplateColumns.split(' ').length")
    assert page.js("document.activeElement.dataset.id") == f"cup_{3 + columns:05d}", "one row down from picture 3"
    page.click("[data-id=cup_00005] .says-drop")
    expected = {
        "cup_00001": HumanVerdict(verdict="keep", note="dusk"),
        "cup_00002": HumanVerdict(verdict="drop"),
        "of_another_run": HumanVerdict(verdict="keep"),
    }
    assert saved(page, tmp_path) == expected, "picture 3 was taken back, and the file's drop of picture 5 too"
    page.open(site)
    assert text(page, "judged") == "3 judged: 2 keep, 1 drop, 3 changes since the file of this run"
    assert saved(page, tmp_path) == expected, "the browser kept it"
    page.choose("#human", "against")
    assert ids(page) == ["cup_00001"]


def test_a_keep_that_cannot_be_says_so(page: Page) -> None:
    page.click("[data-id=cup_00003] .says-keep")
    assert "nothing to keep" in page.js("document.querySelector('[data-id=cup_00003] .unheeded').textContent")
    page.click("[data-id=cup_00002] .says-keep")
    assert page.js("document.querySelector('[data-id=cup_00002] .unheeded').hidden") is True


def test_load_takes_a_file_or_says_what_is_wrong(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"version": 1, "verdicts": {"cup_00000": {"verdict": "drop", "note": HOSTILE}, "elsewhere": {"verdict": "keep"}}}))
    page.give_file("#load", path)
    page.wait("document.getElementById('said').textContent.startsWith('Loaded 2 verdicts, 1 on')")
    assert page.js("document.querySelector('[data-id=cup_00000] input').value") == HOSTILE
    assert saved(page, tmp_path) == {**FILED, "cup_00000": HumanVerdict(verdict="drop", note=HOSTILE), "elsewhere": HumanVerdict(verdict="keep")}
    for wrong in ("{", '{"version": 2, "verdicts": {}}', '{"version": 1, "verdicts": {"cup_00004": {"verdict": "maybe"}}}'):
        path.write_text(wrong)
        page.give_file("#load", path)
        page.wait("document.getElementById('said').textContent.startsWith('mine.json was not loaded')")
        page.js("document.getElementById('said').textContent = ''")
    assert "cup_00004" not in saved(page, tmp_path)


def test_a_picture_is_enlarged_and_closed(page: Page) -> None:
    page.press("ArrowRight", "Enter")
    page.wait("document.getElementById('large').open")
    assert page.js("document.querySelector('#large img').getBoundingClientRect().height > 500")
    page.press("Escape")
    page.wait("!document.getElementById('large').open")
