"""What counts as done, what a manifest holds, and what publishing sweeps away."""

import json
import tarfile
from pathlib import Path

import pytest

from data_specs.decision import funnel
from data_specs.manifest import Manifest
from data_specs.shard import ShardRow
from tasks.artefacts import TEMPORARY_SUFFIX
from tasks.ledger import Ledger, read_manifest, shard_path
from tests.tasks.building import ITEMS, SHARDS, WORD, build_everything, contents, plans


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build_everything(tmp_path / "tiny" / WORD)
    return tmp_path / "tiny" / WORD


def test_manifest_tells_what_the_tars_hold(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert [(row.split, row.index) for row in manifest.shards] == sorted((plan.split, plan.index) for plan in plans())
    for row in manifest.shards:
        with tarfile.open(folder / row.file) as archive:
            assert list(dict.fromkeys(name.partition(".")[0] for name in archive.getnames())) == row.samples
    decided = manifest.decisions()
    assert {decision.rule for decision in decided} == {"seventh", "error"}
    assert manifest.samples() + len(decided) == manifest.entered == SHARDS * ITEMS
    assert funnel(manifest.entered, decided)[-1] == ("kept", manifest.samples())


def test_a_finished_build_writes_nothing_again(folder: Path) -> None:
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}

    before = stamps()
    build_everything(folder)
    assert stamps() == before


@pytest.mark.parametrize("damage", ["row missing", "row cut", "tar missing", "tar cut", "tar grown", "row of another plan"])
def test_only_a_whole_tar_with_its_row_is_done(folder: Path, damage: str) -> None:
    before, plan, ledger = contents(folder), plans()[4], Ledger(folder, WORD)
    row, tar = folder / "rows" / f"{plan.shard_id}.json", folder / "shards" / plan.file_name
    whole = tar.read_bytes()
    {
        "row missing": row.unlink,
        "row cut": lambda: row.write_bytes(row.read_bytes()[:50]),
        "tar missing": tar.unlink,
        "tar cut": lambda: tar.write_bytes(whole[:-512]),
        "tar grown": lambda: tar.write_bytes(whole + bytes(512)),
        "row of another plan": lambda: row.write_bytes((folder / "rows" / f"{plans()[5].shard_id}.json").read_bytes()),
    }[damage]()
    assert ledger.pending(plans()) == [plan]
    with pytest.raises(ValueError, match=r"1 of 12 shards of 'render' are not built.*atelier3d render --size tiny"):
        ledger.rows(plans())
    build_everything(folder)
    assert contents(folder) == before


def test_whatever_defines_a_shard_makes_it_another(folder: Path) -> None:
    assert Ledger(folder, WORD).pending(plans(version=2)) == plans(version=2)


def test_publish_sweeps_strays_and_leftovers(folder: Path) -> None:
    before = contents(folder)
    for place in ("shards", "rows", "."):
        (folder / place / f".abc{TEMPORARY_SUFFIX}").write_bytes(b"left by a killed writer")
    (folder / "shards" / plans(version=2)[0].file_name).write_bytes(b"of older parameters")
    (folder / "rows" / f"{plans(version=2)[0].shard_id}.json").write_bytes(b"{}")
    build_everything(folder)
    assert contents(folder) == before


def test_missing_and_damaged_manifests_say_what_to_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"micro/assets/manifest\.json does not exist: run `atelier3d assets --size micro` first"):
        read_manifest(tmp_path / "micro" / "assets")
    with pytest.raises(ValueError, match=r"micro/align/truth/manifest\.json does not exist: run `atelier3d align --size micro` first"):
        read_manifest(tmp_path / "micro" / "align" / "truth")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"surprise": 1}))
    with pytest.raises(ValueError, match=r"surprise.*atelier3d render"):
        read_manifest(folder)


@pytest.mark.parametrize("file", ["../../etc/passwd", "shards/../x.tar", "/etc/passwd", "rows/x.json", "x.tar"])
def test_a_strangers_manifest_cannot_point_outside(folder: Path, file: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["shards"][0]["file"] = file
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="is not the path of a shard"):
        read_manifest(folder)


def test_bytes_on_disk_name_the_digest(folder: Path) -> None:
    stored = (folder / "manifest.json").read_bytes()
    assert Manifest.model_validate_json(stored).digest() == read_manifest(folder).digest()
    row = read_manifest(folder).shards[0]
    assert shard_path(folder, row) == folder / row.file
    assert ShardRow.model_validate_json((folder / "rows" / f"{row.shard_id}.json").read_bytes()) == row
