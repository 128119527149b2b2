"""What a mesh file may name: its own folder and nothing else."""

import base64

import pytest

from models.geometry.mesh_error import MeshError
from models.geometry.references import load_uri, no_files, relative_path


@pytest.mark.parametrize(
    ("reference", "path"), [("a.png", "a.png"), ("tex\\a b.png", "tex/a b.png"), (" ./a.png ", "./a.png"), ("a..b.png", "a..b.png")]
)
def test_relative_references_pass(reference: str, path: str) -> None:
    assert relative_path(reference) == path


@pytest.mark.parametrize(
    "reference",
    ["", "  ", ".", "/a", "\\a", "//host/a", "..", "a/../b", "a\\..\\b", "C:a", "c:\\a", "http://h/a", "file:a", "data:x", "~/a", "a\0b", "a\nb"],
)
def test_everything_else_is_refused(reference: str) -> None:
    with pytest.raises(MeshError) as caught:
        relative_path(reference)
    assert caught.value.rule == "unsafe_uri"


def test_uris() -> None:
    assert load_uri("data:application/octet-stream;base64," + base64.b64encode(b"\0abc").decode(), no_files) == b"\0abc"
    assert load_uri("data:text/plain,a%20b", no_files) == b"a b"
    assert load_uri("a%20b.bin", lambda path: path.encode()) == b"a b.bin"
    for uri, rule in (("data:nothing", "bad_uri"), ("data:;base64,a", "bad_uri"), ("a.bin", "missing_file"), ("%2e%2e/a.bin", "unsafe_uri")):
        with pytest.raises(MeshError) as caught:
            load_uri(uri, no_files)
        assert caught.value.rule == rule
