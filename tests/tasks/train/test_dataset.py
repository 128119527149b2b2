"""Only verified samples of unchanged data are trained on."""

import pytest

from models.recipe import Source
from tasks.artefacts import Workspace
from tasks.ledger import read_manifest
from tasks.train.dataset import open_data
from tests.fakes import UNVERIFIED, write_pictures

SOURCES = (Source("render", 0.5, ".*"), Source("matched_real", 0.5, ".*"))


def test_only_verified_samples_of_the_split_are_used(workspace: Workspace) -> None:
    data = open_data(workspace, SOURCES, "train")
    for word in ("render", "matched_real"):
        manifest = read_manifest(workspace.folder(word))
        kept = [key for file in data.shards[word] for key in file.keys]
        assert kept == [key for row in manifest.shards for key in row.samples if key != UNVERIFIED] and len(kept) == 21
        assert data.digests[word] == manifest.digest()
    assert data.digests["shards"] == read_manifest(workspace.folder("shards")).digest()
    assert open_data(workspace, SOURCES, "validation").shards == {"render": (), "matched_real": ()}


def test_data_that_changed_after_verification_is_refused(workspace: Workspace) -> None:
    verified = (workspace.folder("shards") / "manifest.json").read_bytes()
    write_pictures(workspace, shards=6)
    (workspace.folder("shards") / "manifest.json").write_bytes(verified)
    with pytest.raises(ValueError, match=r"render, matched_real changed .* run `atelier3d shards"):
        open_data(workspace, SOURCES, "train")


def test_unverified_data_is_refused(workspace: Workspace) -> None:
    (workspace.folder("shards") / "manifest.json").unlink()
    with pytest.raises(ValueError, match="run `atelier3d shards"):
        open_data(workspace, SOURCES, "train")
