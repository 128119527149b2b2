"""Shards against the standard library's tarfile, sha256sum and webdataset itself; damaged and hostile tars are refused."""

import io
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st

from data_specs.sample import Sample
from tasks import shard_io
from tasks.shard_io import index_shard, read_member, read_shard, write_shard

LONG = "k" * 80
SAMPLES = [
    Sample("b", {"front.rgb.png": b"\x89PNG" * 300, "views.json": b"{}"}),
    Sample("a", {"views.json": b""}),
    Sample(LONG, {"view000.position.png": bytes(513), "views.json": b"[1]"}),
]
Member = tuple[str, bytes] | tarfile.TarInfo


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    write_shard(tmp_path / "good.tar", SAMPLES)
    return tmp_path / "good.tar"


def make_tar(path: Path, *members: Member) -> Path:
    """A tar by the standard library, with whatever a stranger may put in."""
    with tarfile.open(path, "w") as archive:
        for member in members:
            info, data = (member, b"") if isinstance(member, tarfile.TarInfo) else (tarfile.TarInfo(member[0]), member[1])
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_digest_and_size_are_those_of_the_system(tmp_path: Path) -> None:
    sha256, size = write_shard(tmp_path / "x.tar", SAMPLES)
    assert subprocess.run(["sha256sum", tmp_path / "x.tar"], capture_output=True, text=True, check=True).stdout.split()[0] == sha256
    assert os.path.getsize(tmp_path / "x.tar") == size


def test_same_samples_same_bytes_later_and_in_any_order_of_members(tmp_path: Path) -> None:
    first = write_shard(tmp_path / "1.tar", SAMPLES)
    time.sleep(1.1)  # tar headers count whole seconds
    turned = [Sample(s.key, dict(reversed(s.members.items()))) for s in SAMPLES]
    assert write_shard(tmp_path / "2.tar", turned) == first
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_tarfile_reads_the_same(shard: Path) -> None:
    expected = [(f"{s.key}.{field}", s.members[field]) for s in SAMPLES for field in sorted(s.members)]
    with tarfile.open(shard) as archive:
        members = archive.getmembers()
        assert [(m.name, archive.extractfile(m).read()) for m in members] == expected  # type: ignore[union-attr]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}


def test_webdataset_reads_the_same(shard: Path) -> None:
    read = list(webdataset.WebDataset(str(shard), shardshuffle=False))
    assert [(item["__key__"], {k: v for k, v in item.items() if not k.startswith("__")}) for item in read] == [(s.key, s.members) for s in SAMPLES]


def test_reading_gives_back_what_was_written(shard: Path) -> None:
    assert list(read_shard(shard)) == SAMPLES
    index = index_shard(shard)
    assert {k: {f: read_member(shard, *place) for f, place in fields.items()} for k, fields in index.items()} == {s.key: s.members for s in SAMPLES}


def test_empty_shard(tmp_path: Path) -> None:
    write_shard(tmp_path / "empty.tar", [])
    assert list(read_shard(tmp_path / "empty.tar")) == []


def test_a_failing_source_leaves_nothing(tmp_path: Path) -> None:
    def samples() -> Iterator[Sample]:
        yield SAMPLES[0]
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        write_shard(tmp_path / "x.tar", samples())
    assert os.listdir(tmp_path) == []


def test_writer_refuses_what_the_reader_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="'a' comes twice"):
        write_shard(tmp_path / "x.tar", [SAMPLES[1], SAMPLES[0], SAMPLES[1]])
    with pytest.raises(ValueError, match="has no members"):
        write_shard(tmp_path / "x.tar", [Sample("a", {})])
    monkeypatch.setattr(shard_io, "MAX_MEMBER_BYTES", 100)
    with pytest.raises(ValueError, match=r"b\.front\.rgb\.png has 1200 bytes"):
        write_shard(tmp_path / "x.tar", SAMPLES)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([special("a.x.json", tarfile.SYMTYPE, "/etc/passwd")], "not a plain file"),
        ([special("a.x.json", tarfile.LNKTYPE, "b.x.json")], "not a plain file"),
        ([special("a.x.json", tarfile.CHRTYPE)], "not a plain file"),
        ([special("a.d", tarfile.DIRTYPE)], "not a plain file"),
        ([("/etc/a.x.json", b"")], "not safe"),
        ([("../a.x.json", b"")], "not safe"),
        ([("d/a.x.json", b"")], "not safe"),
        ([(".a.json", b"")], "not safe"),
        ([("a.x/../y.json", b"")], "must look like"),
        ([("a.json", b"")], "must look like"),
        ([("a.x.json", b"1"), ("a.x.json", b"2")], r"'a\.x\.json' comes twice"),
        ([("a.x.json", b""), ("b.x.json", b""), ("a.y.json", b"")], "sample 'a' comes twice"),
        ([("a.x.json", b""), (f"b.{'y' * 5000}.json", b"")], "claims|plain file"),
    ],
)
def test_hostile_tars_are_refused(tmp_path: Path, members: list[Member], reason: str) -> None:
    path = make_tar(tmp_path / "bad.tar", *members)
    with pytest.raises(ValueError, match=reason) as caught:
        index_shard(path)
    assert str(path) in str(caught.value)


def test_oversized_members_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_tar(tmp_path / "big.tar", ("a.x.json", bytes(2000)))
    monkeypatch.setattr(shard_io, "MAX_MEMBER_BYTES", 1999)
    with pytest.raises(ValueError, match=r"'a\.x\.json' claims 2000 bytes"):
        index_shard(path)


def test_every_cut_is_noticed(shard: Path, tmp_path: Path) -> None:
    """At every block boundary before the end mark is whole, and in the midst of blocks."""
    whole = shard.read_bytes()
    end = max(offset + -(-size // 512) * 512 for fields in index_shard(shard).values() for offset, size in fields.values())
    cut = tmp_path / "cut.tar"
    for length in sorted({*range(0, end + 1024, 512), *range(100, end + 1024, 700), end + 1023}):
        cut.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.tar"):
            list(read_shard(cut))


@given(place=st.integers(min_value=0), value=st.integers(min_value=1, max_value=255))
def test_a_flipped_header_byte_is_refused_or_harmless(place: int, value: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """tarfile alone stops silently at a damaged header and would lose the rest of the shard."""
    folder = tmp_path_factory.mktemp("flip")
    path = folder / "flip.tar"
    write_shard(path, SAMPLES)
    data = bytearray(path.read_bytes())
    second_header = min(offset for _, (offset, _) in sorted(index_shard(path)["b"].items())[1:]) - 512
    data[second_header + place % 512] ^= value
    path.write_bytes(bytes(data))
    try:
        assert list(read_shard(path)) == SAMPLES
    except ValueError as error:
        assert "flip.tar" in str(error)
    shutil.rmtree(folder)


def test_read_member_beyond_the_end(shard: Path) -> None:
    with pytest.raises(ValueError, match=r"good\.tar: ends at byte"):
        read_member(shard, shard.stat().st_size - 10, 20)
