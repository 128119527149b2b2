"""The page holds everything, fetches nothing, trusts no text, and says what is missing."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from data_specs.params import load_params
from tasks.artefacts import Workspace
from tasks.evaluate.evaluation import evaluate
from tasks.report.inputs import Inputs
from tasks.report.page import PANELS
from tasks.report.task import write_report
from tests.tasks.evaluate.test_evaluation import KnownSampler
from tests.tasks.fabricated import TEST, TRAIN, WEIGHTS, make_data, make_run

PARAMS = load_params("tiny", ["evaluate.batch_size=1"])
VOID = {"meta", "img", "br", "line", "path", "link"}


class Outline(HTMLParser):
    """Collects tags, attributes and text; complains about tags that do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def full_workspace(root: Path) -> Workspace:
    workspace = make_data(root)
    make_run(workspace, "realiz3d_stage1")
    make_run(workspace, "realiz3d_stage2", {"shifted": "realiz3d_stage1"})
    evaluate(workspace, PARAMS, KnownSampler())
    return workspace


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report.fn(full_workspace(tmp_path_factory.mktemp("full")), PARAMS).read_text()


def test_every_panel_is_there_with_its_content(page: str) -> None:
    outline = Outline(page)
    ids = [attributes["id"] for tag, attributes in outline.tags if tag == "section"]
    assert ids == [panel.name for panel in PANELS]
    assert "6 of 7 kept" in re.sub(r"\s+", " ", outline.text)
    for expected in ("no_faces", "CC-BY-4.0", "Eve <eve@example.org>", "loss_real", "fid@micro", "real mode", WEIGHTS, f"asset {TRAIN[0]}"):
        assert expected in outline.text, expected
    assert all("photographic" in outline.text and key in outline.text for key in TEST)


def test_nothing_is_fetched_and_no_script_runs(page: str) -> None:
    tags = Outline(page).tags
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in tags}
    sources = [attributes["src"] for tag, attributes in tags if tag == "img"]
    assert len(sources) > 20 and all(source and source.startswith("data:image/") for source in sources)
    assert all((attributes["href"] or "").startswith("#") for tag, attributes in tags if tag == "a")
    assert "url(" not in page and "@import" not in page
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]


def test_strangers_text_is_escaped(page: str) -> None:
    assert "<script>" not in page and "<b>at all</b>" not in page and "<i>odd</i>" not in page
    assert "<script>alert('x')</script>" in Outline(page).text


def test_same_inputs_give_the_same_bytes(page: str, tmp_path: Path) -> None:
    assert write_report.fn(full_workspace(tmp_path), PARAMS).read_text() == page


def test_an_empty_workspace_says_what_to_run(tmp_path: Path) -> None:
    text = Outline(write_report.fn(Workspace(tmp_path, "tiny"), PARAMS).read_text()).text
    for word in ("assets", "render", "train", "evaluate"):
        assert f"atelier3d {word} --size tiny" in text


def test_a_half_finished_workspace_shows_what_there_is(tmp_path: Path) -> None:
    workspace = make_data(tmp_path)
    run = make_run(workspace, "realiz3d_stage1")
    (run / "history.csv").unlink()
    text = Outline(write_report.fn(workspace, PARAMS).read_text()).text
    assert "has no history.csv" in text
    assert "The run realiz3d_stage2 has not been trained" in text
    assert "atelier3d evaluate --size tiny" in text


def test_damaged_data_is_an_error_not_a_gap(tmp_path: Path) -> None:
    workspace = make_data(tmp_path)
    (workspace.folder("assets") / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match="manifest"):
        Inputs(workspace, PARAMS).lookup("assets")
