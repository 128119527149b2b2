"""Help names every parameter once, with the value that the size gives it."""

import pytest

from data_specs.parameter_help import explain
from data_specs.params import SIZES, WORDS, load_params
from flows import command


def said(text: str, parameter: str) -> list[str]:
    """Kind, value and the first words of a parameter's line."""
    (line,) = [line.split() for line in text.splitlines() if line.split()[:1] == [parameter]]
    return line[1:]


@pytest.mark.parametrize("size", SIZES)
def test_values_are_those_of_the_size(size: str) -> None:
    params = load_params(size)
    text = "\n".join(explain("align", params))
    assert said(text, "align.source")[1] == params.align.source
    assert said(text, "align.mesh.kind")[:2] == ["nearest_asset|hunyuan3d", params.align.mesh.kind]
    assert said(text, "align.count")[:2] == ["int", str(params.align.count)]


@pytest.mark.parametrize("word", [*WORDS, "full"])
def test_every_word_is_explained(word: str) -> None:
    lines = explain(word, load_params("tiny"))
    names = [line.split()[0] for line in lines]
    assert len(names) == len(set(names)) and "execution.backend" in names


def test_what_comes_under_many_names_has_the_default_of_its_class() -> None:
    text = "\n".join(explain("train", load_params("micro")))
    assert said(text, "train.runs.<name>.steps")[:2] == ["int", "required"] and said(text, "train.runs.<name>.seed")[:2] == ["int", "0"]


@pytest.mark.parametrize(("arguments", "source"), [(["align", "--help"], "composed"), (["align", "--size", "paper", "-h"], "subjects200k")])
def test_the_command_line_shows_the_size_that_is_asked_for(arguments: list[str], source: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert said(capsys.readouterr().out, "align.source")[1] == source
