"""References to base models and the lock."""

from pathlib import Path

import pytest

from data_specs.weights import LOCK, UNLOCKED, LockedFile, LockedModel, Reference, load_lock, lock_text, parse_reference

HASH = "0" * 64


def test_references_and_names_of_runs() -> None:
    assert parse_reference("realiz3d_warmup") is None
    assert parse_reference("micro:base") == Reference("micro", "base")
    assert parse_reference("hub:owner/a.repo-1@main") == Reference("hub", "owner/a.repo-1", "main")
    assert parse_reference("hub:owner/repo") == Reference("hub", "owner/repo")
    assert parse_reference("path:/models/a@b c") == Reference("path", "/models/a@b c")
    for text in ("hub:owner/repo@main", "micro:base", "path:there"):
        assert str(parse_reference(text)) == text


@pytest.mark.parametrize("text", ["micro:../base", "micro:", "hub:repo", "hub:a/b/c", "hub:a/b@", "path:", "http://example.org/model"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no reference to a model"):
        parse_reference(text)


def test_the_lock_of_the_repository_is_well_formed() -> None:
    lock = load_lock()
    assert lock_text(lock) == LOCK.read_text()
    assert "PixArt-alpha/PixArt-Sigma-XL-2-512-MS" in lock


def test_round_trip(tmp_path: Path) -> None:
    locked = LockedModel(
        licence="MIT", licence_url="u", gigabytes=1.5, revision="a" * 40, files={"vae/w.safetensors": LockedFile(sha256=HASH, size=3)}
    )
    lock = {"a/b": locked, "a/c": LockedModel(licence="x", licence_url="u", gigabytes=2, gated=True)}
    (tmp_path / "lock.yaml").write_text(lock_text(lock))
    assert load_lock(tmp_path / "lock.yaml") == lock
    assert lock["a/b"].locked and not lock["a/c"].locked and lock["a/c"].revision == UNLOCKED


@pytest.mark.parametrize("line", ["  revision: main", f"  revision: {'a' * 40}", "  gigabytes: 0", "  size: 3"])
def test_a_damaged_lock_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "lock.yaml").write_text(f"a/b:\n  licence: x\n  licence_url: u\n  gigabytes: 1.0\n{line}\n")
    with pytest.raises(ValueError, match=r"lock\.yaml: a/b"):
        load_lock(tmp_path / "lock.yaml")
