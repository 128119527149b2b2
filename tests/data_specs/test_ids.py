"""Ids: stable, safe, and a split that never changes as data grows."""

import pytest

from data_specs.ids import canonical_json, check_id, content_id, seed_from, slug, split_of


def test_content_id_depends_on_content_and_not_on_key_order() -> None:
    assert content_id({"a": 1, "b": [2]}) == content_id({"b": [2], "a": 1})
    assert content_id({"a": 1}) != content_id({"a": 2})
    assert len(content_id("x")) == 16


def test_canonical_json_refuses_what_has_no_one_form() -> None:
    with pytest.raises(ValueError):
        canonical_json(float("nan"))


@pytest.mark.parametrize("bad", ["", "../up", "a.b", "A", "a/b", "-a", "a" * 81])
def test_unsafe_ids_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not safe"):
        check_id(bad)


@pytest.mark.parametrize("text", ["Running Shoe.glb", "../../etc", "日本語", "", "a" * 200])
def test_slug_is_always_safe(text: str) -> None:
    assert check_id(slug(text)) == slug(text)


def test_split_fractions() -> None:
    splits = [split_of(f"asset{k}", validation=0.1, test=0.2) for k in range(5000)]
    assert abs(splits.count("test") / 5000 - 0.2) < 0.02
    assert abs(splits.count("validation") / 5000 - 0.1) < 0.02


def test_growing_the_test_split_keeps_its_members() -> None:
    before = {k for k in range(500) if split_of(f"a{k}", 0.0, 0.1) == "test"}
    after = {k for k in range(500) if split_of(f"a{k}", 0.0, 0.3) == "test"}
    assert before < after


def test_seed_is_a_function_of_its_parts() -> None:
    assert seed_from("a", 1) == seed_from("a", 1) != seed_from("a", 2)
    assert 0 <= seed_from("a") < 2**63
