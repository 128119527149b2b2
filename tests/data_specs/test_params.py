"""Parameters: unknown keys, wrong values and wrong overrides are errors that name the key."""

from pathlib import Path

import pytest

from data_specs.params import load_params


def test_override_is_yaml_and_typed() -> None:
    params = load_params("tiny", ["render.size_pixels=128", "assets.licences=[CC0-1.0]", "train.runs.micro_vae.steps=7"])
    assert params.render.size_pixels == 128
    assert params.assets.licences == ["CC0-1.0"]
    assert params.train.runs["micro_vae"].steps == 7
    assert load_params("tiny", ["seed=1"]).seed == 1
    assert load_params("micro", ["features.base="]).features.base == ""


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("render.colour=red", ["render.colour", "red"]),
        ("render.size_pixels=-1", ["render.size_pixels", "-1"]),
        ("assets.count=many", ["assets.count", "many"]),
        ("render", ["section.key=value"]),
        ("render=5", ["section.key=value"]),
        ("seed", ["section.key=value"]),
        ("seed=many", ["seed", "many"]),
        ("colour=red", ["colour", "red"]),
        ("size=paper", ["--size"]),
        ("seed.deep.down=1", ["not a section"]),
        ("train.runs.micro_vae.epochs=3", ["train.runs.micro_vae.epochs"]),
    ],
)
def test_wrong_override_names_the_key(override: str, words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        load_params("tiny", [override])
    assert all(word in str(error.value) for word in words)


def test_unknown_size_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="tiny, micro, paper"):
        load_params("huge")


def test_parameters_are_never_executed(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text("size: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(Exception, match="could not determine a constructor"):
        load_params("tiny", folder=tmp_path)
